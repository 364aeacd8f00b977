/**
 * explain_text: what explain_core found, as text for people.  Bytes of the input that a terminal
 * could obey are escaped.
 *   thread   one
 */
#ifndef EXPLAIN_TEXT_H
#define EXPLAIN_TEXT_H

#include "explain/explain_core.h"

/* Append the line as received, a caret under each place that is wrong and what is wrong there, then
 * what the line says, and hints (hint.h).  x holds this line alone. */
void explain_text_line(const struct explain_core *x, struct slice line, struct buf *out);

/* Append which rule of the mapping file a sample fell under: an element of x->rules. */
void explain_text_rule(const json_t *rule, struct buf *out);

/* Append what has no line on /metrics, and why.  Call explain_core_exposition before. */
void explain_text_off_page(const struct explain_core *x, struct buf *out);

/* Append the errors of x alone, for those that are not about a line. */
void explain_text_errors(const struct explain_core *x, struct buf *out);

/* Append that there are n more of what (in the singular), which were counted alone. */
void explain_text_more(uint64_t n, const char *what, struct buf *out);

/* Where an error is, and why, and what was probably meant. */
void explain_text_error(const struct explain_core *x, const struct explain_error *e,
                        struct buf *out);

extern const struct explain_teller explain_text_teller; /* as explain_text_line tells them */

#endif
