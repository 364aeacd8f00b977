/**
 * peer_counts: how many connections each address has.  Private to listen/.
 *
 * The addresses of an IPv6 /64 count as one: whoever has one of them has all.
 *
 *   thread   control
 *   cost     a look-up in a hash table with a seed, so that no peer can choose its bucket
 */
#ifndef LISTEN_PEER_COUNTS_H
#define LISTEN_PEER_COUNTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct peer_counts;

/* most: connections at a time */
struct peer_counts *peer_counts_new(size_t most);
void peer_counts_free(struct peer_counts *p);

/* How many it has now.  peer: AF_INET or AF_INET6 */
uint32_t peer_counts_of(const struct peer_counts *p, const struct sockaddr *peer);

/* One more; one less of a peer that has some. */
void peer_counts_add(struct peer_counts *p, const struct sockaddr *peer);
void peer_counts_drop(struct peer_counts *p, const struct sockaddr *peer);

#endif
