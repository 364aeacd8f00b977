/**
 * check_board: the last status of each service check on each host, for /metrics.
 *
 *     statsd_service_check_status{check="db.up",host="web-1"} 2
 *
 * The host is the check's h: field, else the last of its host: tags, else empty.  At most
 * CHECK_BOARD_MAX pairs of check and host are kept.  When there are as many, new pairs are refused,
 * as new series are: one that is shown does not go because others come, which would silence an
 * alert on it.  A pair goes when it was silent for the ttl.
 *
 *   thread   control
 */
#ifndef AGGREGATE_CHECK_BOARD_H
#define AGGREGATE_CHECK_BOARD_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/event_log.h"
#include "base/counters.h"

enum {
    CHECK_BOARD_MAX = 1000,
    CHECK_BOARD_TEXT_MAX = 512 /* bytes of a check's name, and of a host */
};

/* X(ID, word): why a service check is not shown. */
#define CHECK_REFUSALS(X)                                                                          \
    X(LIMIT, "limit")       /* CHECK_BOARD_MAX others are */                                       \
    X(TOO_LONG, "too_long") /* its name or host */

enum check_refusal {
#define X(id, word) CHECK_REFUSED_##id,
    CHECK_REFUSALS(X)
#undef X
        CHECK_REFUSAL_COUNT
};

const char *check_refusal_word(enum check_refusal why);

struct check_board;

struct check_board *check_board_new(void);
void check_board_free(struct check_board *b); /* NULL is fine */

/*
 * e, of kind CHECK_ENTRY, arrived at at_ns of the monotonic clock.  The last to arrive counts, also
 * if another worker had it, and it is noted before an earlier one.
 */
void check_board_note(struct check_board *b, const struct event_entry *e, uint64_t at_ns);

/* Pairs that were silent for more than ttl_s go; 0: none does.  cost  O(pairs) */
void check_board_expire(struct check_board *b, uint64_t ttl_s, uint64_t now_ns);

size_t check_board_count(const struct check_board *b);
uint64_t check_board_refused(const struct check_board *b, enum check_refusal why);

/* A line for each pair, with the labels check and host. */
void check_board_put(const struct check_board *b, struct counter_lines *to);

/* The most bytes that a board takes, and its lines on a page.  thread  any */
uint64_t check_board_memory(void);
uint64_t check_board_page_bytes(void);

#endif
