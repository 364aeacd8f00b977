/**
 * explain_exposition: the server's way from a datagram to /metrics, on one thread: one lane, one
 * registry, one interval, one scrape.
 *   thread   one
 */
#ifndef EXPLAIN_EXPOSITION_H
#define EXPLAIN_EXPOSITION_H

#include "aggregate/lane.h"
#include "aggregate/off_page.h"
#include "base/buf.h"
#include "config/config.h"
#include "core/core_mapping.h"

struct explain_exposition;

/* c and m are borrowed, taps and refusals are copied; they are called in
 * explain_exposition_datagram. */
struct explain_exposition *explain_exposition_new(const struct config *c,
                                                  const struct core_mapping *m,
                                                  const struct lane_taps *taps,
                                                  const struct lane_refusals *refusals);
void explain_exposition_free(struct explain_exposition *e);

/* When it returns, the datagram's samples are aggregated and all hooks have been called for it. */
void explain_exposition_datagram(struct explain_exposition *e, const struct lane_datagram *d);

/**
 * explain_exposition_close(e, most):
 * Close the interval and write the lines of /metrics, some at a time.  No datagrams any more.
 *   most     bytes that the lines may have as JSON has them (explain_weight); those after are
 *            left out
 *   returns  true: call again
 */
bool explain_exposition_close(struct explain_exposition *e, size_t most);

/* Closed: append the lines, sorted, joined by LF.  returns  false: some are left out */
bool explain_exposition_lines(const struct explain_exposition *e, struct buf *out);

/* How many bytes text has as a string of JSON; at least as many as text for people has. */
size_t explain_weight(struct slice text);

/* Closed: what /metrics leaves out, and how many sums the registry refused because
 * they would not be finite. */
const struct off_page_note *const *explain_exposition_off_page(const struct explain_exposition *e,
                                                               size_t *ret_n);
uint64_t explain_exposition_sums_refused(const struct explain_exposition *e);

/* Samples that were marks of mirrors (aggregate/marks.h). */
uint64_t explain_exposition_marks(const struct explain_exposition *e);

#endif
