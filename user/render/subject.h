/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a run was about, in a few words, for titles. */
#ifndef PB_RENDER_SUBJECT_H
#define PB_RENDER_SUBJECT_H

struct pb_report;

/* "app (pid 1234)", "whole machine". Return: a string to free(), or NULL without memory. */
char *pb_report_subject(const struct pb_report *r);

#endif
