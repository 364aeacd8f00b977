/**
 * refusals: the first few lines that a worker refused, for the log, with who sent them.
 *
 *   worker                                        control
 *   ------                                        -------
 *   keeps a line as an example while
 *   its kind has fewer than five       ------->   refusals_next: examples it has not seen yet
 *                                      <-------   refusals_renew: the kind begins a new round,
 *                                                 with room for five again
 *
 * A kind is a reason of the parser, or REFUSED_BY_LIMIT.  (How many lines were refused is counted
 * elsewhere, in the page.)  Nobody waits and nothing grows: the worker overwrites an example only
 * after it has seen that control began a new round, so control reads it without a lock.
 *
 *   thread   control, but for the worker's side (src/listen/refusals_priv.h)
 */
#ifndef LISTEN_REFUSALS_H
#define LISTEN_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "protocol/reason.h"

/* REFUSED_BY_LIMIT: a limit on series or memory was reached; the text is the metric's name. */
enum { REFUSED_BY_LIMIT = REASON_COUNT, REFUSAL_KINDS };

enum { REFUSALS_A_ROUND = 5, REFUSAL_TEXT_MAX = 200 };

struct refusal {
    char from[ADDRESS_TEXT_MAX]; /* the sender: "127.0.0.1:51234", "pid:4711", or "": not known */
    uint16_t socket;             /* place of the socket at the worker (worker_add_socket) */
    uint16_t len;                /* of text */
    bool cut;                    /* text is the beginning of something longer */
    uint32_t whole_len;          /* of that */
    int32_t at;                  /* offset of the first byte that is wrong; -1: not known */
    char text[REFUSAL_TEXT_MAX]; /* as received: any bytes */
};

struct refusals;

/* Whether refusals_next would return an example. */
bool refusals_pending(const struct refusals *r, unsigned kind);

/*
 * The next example of this round, each once; NULL: none yet, or all REFUSALS_A_ROUND were returned.
 * Valid until refusals_renew.
 */
const struct refusal *refusals_next(struct refusals *r, unsigned kind);

/* Begin a new round.  Examples of the old one that refusals_next did not return are dropped. */
void refusals_renew(struct refusals *r, unsigned kind);

/* Keep examples of refused lines or not; not at first.  REFUSED_BY_LIMIT is always kept. */
void refusals_keep_lines(struct refusals *r, bool yes);

#endif
