/**
 * off_page_list: the notes of what is kept off /metrics, one for each name, type and what it met.
 * Private to aggregate/.
 */
#ifndef AGGREGATE_OFF_PAGE_LIST_H
#define AGGREGATE_OFF_PAGE_LIST_H

#include <stddef.h>

#include "aggregate/index.h"
#include "aggregate/off_page.h"

struct off_page_list {
    struct index by_hash;
    struct off_page_note **at;
    size_t n, cap;
    uint32_t swept_s; /* when room was last looked for */
};

void off_page_init(struct off_page_list *l);
void off_page_release(struct off_page_list *l);

/**
 * off_page_add(l, n):
 * Add n->samples to the note of that name, or make one.
 *   n        texts of any length, borrowed for the call
 *   returns  the note when it is new; NULL: it was there, or there is no room
 */
const struct off_page_note *off_page_add(struct off_page_list *l, const struct off_page_note *n);

#endif
