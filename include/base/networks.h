/**
 * networks: a list of networks, and whether an address is in one of them.
 *
 *   10.0.0.0/8,fd00::/8,192.0.2.1     joined by commas, blanks around each are skipped; an address
 *                                     without a prefix length is that one address
 *
 * Numbers only: no name is ever looked up.  An IPv4 address inside IPv6 (::ffff:10.0.0.1, as a
 * socket on [::] sees its IPv4 peers) is that IPv4 address, in the list and when asked for.  So
 * ::/0 is every IPv6 address but no IPv4 one, and 0.0.0.0/0 the other way round.  What an IPv6
 * address says of its interface is not looked at.
 *
 *   thread   any; a list is read-only once it is parsed
 *   cost     networks_have: two comparisons for each network
 */
#ifndef BASE_NETWORKS_H
#define BASE_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
    NETWORKS_MAX = 64,    /* of one list */
    NETWORK_TEXT_MAX = 50 /* bytes that network_print needs, its NUL included */
};

/* As numbers of 128 bits, first half and second; an IPv4 address is the upper 32 of them. */
struct network {
    uint64_t hi, lo; /* the bits behind the prefix are 0 */
    uint64_t mask_hi, mask_lo;
    bool v6;
    uint8_t bits; /* of the prefix: up to 32, of v6 up to 128 */
};

/* In place; needs no release.  { 0 } is an empty list, which has no address. */
struct networks {
    uint32_t n;
    struct network at[NETWORKS_MAX];
};

/**
 * networks_parse(text, ret, error):
 *   error    on failure gets what is wrong and what would be right, for people; no LF
 *   returns  true; false with *ret untouched: an empty text or entry, no address, a prefix that is
 *            too long, bits set behind the prefix, more than NETWORKS_MAX
 */
bool networks_parse(struct slice text, struct networks *ret, struct buf *error);

/* In the form that networks_parse reads: `10.0.0.0/8,192.0.2.1`. */
void networks_print(const struct networks *n, struct buf *out);

bool networks_equal(const struct networks *a, const struct networks *b); /* in the same order */

/* Is addr in one of them?  false for an address that is neither IPv4 nor IPv6. */
bool networks_have(const struct networks *n, const struct sockaddr *addr);

/**
 * network_of(addr, v4_bits, v6_bits, ret):
 * The network that addr is in, if networks are that large: at most 32 and 128 bits.
 *   returns  false, *ret untouched: neither IPv4 nor IPv6
 */
bool network_of(const struct sockaddr *addr, unsigned v4_bits, unsigned v6_bits,
                struct network *ret);

/* "10.0.0.0/8"; "192.0.2.1" where the prefix is the whole address.  returns  the length */
size_t network_print(const struct network *n, char out[NETWORK_TEXT_MAX]);

#endif
