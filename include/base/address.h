/**
 * address: "host:port" to a socket address and back.  Numbers only: no name is ever looked up.
 *
 *   127.0.0.1:8125   [::1]:8125   [fe80::1%eth0]:8125
 *   localhost:8125   127.0.0.1
 *   0.0.0.0:8125     every IPv4 address; *:8125 is the same
 *   [::]:8125        every IPv6 address, and every IPv4 address unless the socket has IPV6_V6ONLY
 *
 * ":port" may be left out.  Port 0 lets the kernel choose.  An empty host is refused: a server is
 * open to the network only when its config says so.
 *   thread   any (no state)
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/slice.h"

enum { ADDRESS_TEXT_MAX = 64 }; /* bytes that address_print needs, its NUL included */

/**
 * address_parse(text, default_port, ret, ret_len):
 *   default_port   for a text without one
 *   returns  0, the unused bytes of *ret are zero; on failure ret and ret_len are untouched:
 *            -EDESTADDRREQ (empty host), -ERANGE (port), -ENODEV (unknown interface after the %),
 *            -EINVAL (all else)
 */
int address_parse(struct slice text, uint16_t default_port, struct sockaddr_storage *ret,
                  socklen_t *ret_len);

/* The text for a failure of address_parse, as shown to users; static. */
const char *address_error(int error);

/*
 * In the form that address_parse reads, with the port: "127.0.0.1:8125", "[::1]:8125".  An
 * IPv4-mapped IPv6 address prints as IPv4, an address of another family as "?".
 */
void address_print(const struct sockaddr *addr, char out[ADDRESS_TEXT_MAX]);

/* For AF_INET and AF_INET6; 0 and false for any other family. */
unsigned address_port(const struct sockaddr *addr);
bool address_is_any(const struct sockaddr *addr); /* 0.0.0.0, [::] */

#endif
