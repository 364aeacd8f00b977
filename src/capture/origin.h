/**
 * origin: between which addresses a datagram is shown to have gone.
 *
 *     UDP              its sender and the socket, as far as they are known: a socket on a wildcard
 *                      shows the wildcard; a sender that is not known is 0.0.0.0 or ::, port 0
 *     Unix datagrams   127.0.0.2, port: the low 16 bits of the sender's pid, else 1
 *                      -> 127.0.0.2, port: the socket's number + 1
 *     streams          127.0.0.3, port: that of the client, or of its pid as above
 *                      -> 127.0.0.3, port: the socket's number + 1
 *     what a file      127.0.0.1, port 9 -> the same: `statsd-capture 1 socket=0 url=udp://...`,
 *     begins with      one packet for each socket
 *
 *   thread   any (no state)
 */
#ifndef CAPTURE_ORIGIN_H
#define CAPTURE_ORIGIN_H

#include "base/tap_ring.h"
#include "capture/packet.h"
#include "capture/socket.h"

/* Set version, from and to.   number: of the socket, s */
void origin_set(const struct capture_socket *s, unsigned number, const struct tap_record *rec,
                struct packet *ret);

enum { ORIGIN_TEXT_MAX = 512 };

/* The packet that describes a socket; its payload is in text. */
void origin_describe(const struct capture_socket *s, unsigned number, uint64_t time_ns,
                     char text[ORIGIN_TEXT_MAX], struct packet *ret);

#endif
