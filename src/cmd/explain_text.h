/**
 * explain_text: what explain_core found, for people.
 */
#ifndef CMD_EXPLAIN_TEXT_H
#define CMD_EXPLAIN_TEXT_H

#include "cmd/explain_core.h"

/* Append one line as received, then what it says and what is wrong with it, with a caret under the place,
 * and hints. */
void explain_text_line(const struct explain_core *x, struct slice line, struct buf *out);

/* Append what has no line on /metrics, and why; call explain_core_exposition before. */
void explain_text_off_page(const struct explain_core *x, struct buf *out);

/* Append errors that belong to no line. */
void explain_text_errors(const struct explain_core *x, struct buf *out);

#endif
