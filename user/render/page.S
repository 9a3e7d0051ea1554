/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The parts of the flame graph page, as people edit them in page/, for html.c to put together. */
	.section .rodata
	.global pb_page_html, pb_page_html_end
	.global pb_page_css, pb_page_css_end
	.global pb_page_model, pb_page_model_end
	.global pb_page_js, pb_page_js_end
pb_page_html:
	.incbin "user/render/page/page.html"
pb_page_html_end:
	.byte 0
pb_page_css:
	.incbin "user/render/page/page.css"
pb_page_css_end:
	.byte 0
pb_page_model:
	.incbin "user/render/page/model.js"
pb_page_model_end:
	.byte 0
pb_page_js:
	.incbin "user/render/page/page.js"
pb_page_js_end:
	.byte 0
	.section .note.GNU-stack,"",%progbits
