/**
 * address: "host:port" to a socket address and back.  Numbers only: no name is ever looked up.
 *
 *   127.0.0.1:8125   [::1]:8125   [fe80::1%eth0]:8125
 *   localhost:8125 (127.0.0.1)
 *   0.0.0.0:8125     *:8125 (the same)                  [::]:8125 (IPv4 too, unless the socket says IPV6_V6ONLY)
 *
 * Every form may leave out ":port".  Port 0 lets the kernel choose.  An empty host is refused, so that a server is opened to
 * the network only by somebody who says so.
 *   thread   any (no state)
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/slice.h"

enum { ADDRESS_TEXT_MAX = 64 };     /* room that address_print needs, its NUL included */

/**
 * address_parse(text, default_port, ret, ret_len):
 *   default_port   for a text without one
 *   returns  0, *ret cleared behind the address; on failure ret and ret_len are untouched:
 *            -EDESTADDRREQ (empty host), -ERANGE (port), -ENODEV (unknown interface behind %), -EINVAL (all else)
 */
int address_parse(struct slice text, uint16_t default_port, struct sockaddr_storage *ret, socklen_t *ret_len);

/* What address_parse's failure means, for people; static. */
const char *address_error(int error);

/* As address_parse reads it, with the port: "127.0.0.1:8125", "[::1]:8125".  An IPv4 address inside IPv6 prints as IPv4. */
void address_print(const struct sockaddr *addr, char out[ADDRESS_TEXT_MAX]);

/* Of AF_INET and AF_INET6; of another family 0 and false. */
unsigned address_port(const struct sockaddr *addr);
bool address_is_any(const struct sockaddr *addr);   /* 0.0.0.0, [::] */

#endif
