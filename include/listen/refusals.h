/**
 * refusals: the first few lines that a worker refused, for the log, with who sent them.
 *
 *   worker                                        control
 *   ------                                        -------
 *   keeps an example while its
 *   kind has room                      ------->   refusals_next: those that are new
 *                                      <-------   refusals_renew: another round, with room again
 *
 * A kind is a reason of the parser, or REFUSED_BY_LIMIT.  How many were refused is counted with the
 * page, as ever.  Nobody waits and nothing grows: an example stays in its place until control has
 * begun another round and the worker has seen that, so control reads it without a lock.
 *
 *   thread   control, but for the worker's side (src/listen/refusals_priv.h)
 */
#ifndef LISTEN_REFUSALS_H
#define LISTEN_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "protocol/reason.h"

/* REFUSED_BY_LIMIT: by a limit on series or memory; the text is the metric's name. */
enum { REFUSED_BY_LIMIT = REASON_COUNT, REFUSAL_KINDS };

enum { REFUSALS_A_ROUND = 5, REFUSAL_TEXT_MAX = 200 };

struct refusal {
    char from[ADDRESS_TEXT_MAX]; /* "127.0.0.1:51234", "pid:4711", or "": not known */
    uint16_t socket;             /* its place among the worker's sockets */
    uint16_t len;                /* of text */
    bool cut;                    /* text is the beginning of something longer */
    char text[REFUSAL_TEXT_MAX]; /* as received: any bytes */
};

struct refusals;

/* Whether refusals_next has something. */
bool refusals_pending(const struct refusals *r, unsigned kind);

/*
 * An example that is new, or NULL.  Valid until refusals_renew; at most REFUSALS_A_ROUND of them a
 * round.
 */
const struct refusal *refusals_next(struct refusals *r, unsigned kind);

/* What has not been asked for by now is forgotten. */
void refusals_renew(struct refusals *r, unsigned kind);

/*
 * Whether examples of refused lines are kept; off at first.  Names that a limit refuses always are.
 */
void refusals_keep_lines(struct refusals *r, bool yes);

#endif
