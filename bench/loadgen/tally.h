/**
 * tally: what the senders sent of a payload, in lines and values beside datagrams.
 *
 * A sender counts datagrams and bytes; how many lines they held, and by how much the server's
 * counters should grow, is added up here as each sender reports.  One row for each sender, written
 * by its thread alone.
 *   thread   tally_sent: the sender's own; tally_totals: any; the rest: the owner's
 */
#ifndef LOADGEN_TALLY_H
#define LOADGEN_TALLY_H

#include "payload.h"
#include "send/sender.h"

/* As struct sender_totals where names are the same.  Attempted = sent + failed. */
struct tally_totals {
    uint64_t datagrams, lines, values, bytes; /* sent */
    uint64_t unreachable_datagrams;
    uint64_t failed_datagrams, failed_lines;
    double increments; /* what the sent counter lines add up to */
    double forgiven;
    uint64_t connections, reconnects, unfinished;
    int error, unreachable_error;
    bool nobody;
};

struct tally;

/* payload is borrowed. */
struct tally *tally_new(const struct payload *payload, unsigned senders);
void tally_free(struct tally *t);

/* For sender_opts.on_sent, with the tally as its cookie. */
void tally_sent(void *tally, unsigned sender, const struct sender_progress *p);

/* Everything of t, and what s itself counts. */
void tally_totals(const struct tally *t, const struct senders *s, struct tally_totals *ret);

#endif
