/**
 * cluster_page: /cluster/metrics: the totals of all instances, as Redis has them, under the names
 * that /metrics gives them.
 *
 *     HTTP thread          this one's own thread
 *     a request  ------->  scrape: who asks meanwhile shares one filling
 *                            is the page of this interval?   no: cluster_fill into a new registry
 *                <-------  expositions of it, or 503 with the reason
 *
 * Redis is read only when somebody asks, and once an interval at most.  A thread of its own, as
 * what is read grows with the fleet: receiving, flushing and /metrics do not notice.  It has its
 * own loop, connections, registry and mapping; what it shares with others is behind a lock.
 *
 * Two registries at most: the one shown, and the one that is filled, or that the readers before are
 * still reading; these are cut off before a third one begins.
 *
 *   thread   control; the loop's files run on the page's own
 */
#ifndef CLUSTER_PAGE_H
#define CLUSTER_PAGE_H

#include <stdbool.h>

#include "config/config.h"
#include "core/cluster_counters.h"
#include "core/core_mapping.h"
#include "http/mailbox.h"

struct cluster_page;

/**
 * cluster_page_new(c, ret):
 *   c        borrowed; its redis.url is not empty
 *   returns  0, or -errno; -EINVAL is logged (the mapping file)
 */
int cluster_page_new(const struct config *c, struct cluster_page **ret);

/* Its thread runs.   returns  0, or -errno */
int cluster_page_start(struct cluster_page *p);

/* For http_route: http_mailbox_ask and this. */
struct http_mailbox *cluster_page_mailbox(struct cluster_page *p);

/* From the next filling on; m's contents are the page's, and m is { 0 }. */
void cluster_page_remap(struct cluster_page *p, struct core_mapping *m);

void cluster_page_stats(struct cluster_page *p, struct cluster_stats *ret);

/* Nobody waits for it or reads it; who does is cut off. */
bool cluster_page_idle(struct cluster_page *p);
void cluster_page_cut(struct cluster_page *p);

/* Answer 503 to who waits and to who comes, and wait until its readers have gone: cut off after
 * most_ms.  Before http_stop */
void cluster_page_stop(struct cluster_page *p, unsigned most_ms);

/* Stopped, after http_stop.  NULL is fine. */
void cluster_page_free(struct cluster_page *p);

#endif
