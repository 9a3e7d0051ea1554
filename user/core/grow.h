/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Arrays that grow. */
#ifndef PB_CORE_GROW_H
#define PB_CORE_GROW_H

#include <stddef.h>
#include <stdint.h>

/**
 * pb_grow() - make room for @n elements in all.
 * @array: address of the pointer to the first element, which may be NULL; what is there is kept
 * @room: elements that it has room for, 0 at first; never less afterwards
 * @element: bytes of one
 *
 * By half as much again each time, so that n elements one after the other take O(n) copies, and little of
 * our memory lies unused.
 * Return: 0; -ENOMEM, also where @n does not fit into @room, and nothing has changed.
 */
int pb_grow(void *array, uint32_t *room, uint64_t n, size_t element);

#endif
