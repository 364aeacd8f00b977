#include "listen/peer_counts.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* What counts as one: an IPv4 address, or the first half of an IPv6 address. */
struct key {
    uint32_t family;
    unsigned char bytes[8];
};

struct peer {
    struct peer *next;
    struct key key;
    uint32_t n;
};

struct peer_counts {
    size_t mask;
    struct peer *buckets[];
};

struct peer_counts *peer_counts_new(size_t most)
{
    size_t n = 16;
    while (n < most)
        n *= 2;
    struct peer_counts *p = mem_zalloc(sizeof *p + n * sizeof p->buckets[0]);
    p->mask = n - 1;
    return p;
}

void peer_counts_free(struct peer_counts *p)
{
    for (size_t i = 0; p != NULL && i <= p->mask; i++) {
        while (p->buckets[i] != NULL) {
            struct peer *next = p->buckets[i]->next;
            free(p->buckets[i]);
            p->buckets[i] = next;
        }
    }
    free(p);
}

static struct key key_of(const struct sockaddr *peer)
{
    struct key k = { .family = peer->sa_family };
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)peer;
    assert(peer->sa_family == AF_INET || peer->sa_family == AF_INET6);
    if (peer->sa_family == AF_INET) {
        memcpy(k.bytes, &((const struct sockaddr_in *)peer)->sin_addr, 4);
    } else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) { /* an IPv4 peer of a socket on [::] */
        k.family = AF_INET;
        memcpy(k.bytes, &in6->sin6_addr.s6_addr[12], 4);
    } else {
        memcpy(k.bytes, &in6->sin6_addr, sizeof k.bytes);
    }
    return k;
}

/* Where the link to the peer is, or NULL stands for one that is not there. */
static struct peer **find(struct peer_counts *p, const struct key *k)
{
    struct peer **at = &p->buckets[hash64_bytes(k, sizeof *k) & p->mask];
    while (*at != NULL && memcmp(&(*at)->key, k, sizeof *k) != 0)
        at = &(*at)->next;
    return at;
}

uint32_t peer_counts_of(const struct peer_counts *p, const struct sockaddr *peer)
{
    const struct key k = key_of(peer);
    const struct peer *at = p->buckets[hash64_bytes(&k, sizeof k) & p->mask];
    while (at != NULL && memcmp(&at->key, &k, sizeof k) != 0)
        at = at->next;
    return at == NULL ? 0 : at->n;
}

void peer_counts_add(struct peer_counts *p, const struct sockaddr *peer)
{
    const struct key k = key_of(peer);
    struct peer **at = find(p, &k);
    if (*at == NULL) {
        *at = mem_zalloc(sizeof **at);
        (*at)->key = k;
    }
    (*at)->n++;
}

void peer_counts_drop(struct peer_counts *p, const struct sockaddr *peer)
{
    const struct key k = key_of(peer);
    struct peer **at = find(p, &k), *gone = *at;
    assert(gone != NULL && gone->n > 0);
    if (--gone->n > 0)
        return;
    *at = gone->next;
    free(gone);
}
