/**
 * channel_tls: a connection that is read through TLS.  Private to listen/.
 *
 * The session says goodbye when the channel is closed, as far as the socket takes it.
 *
 *   thread   as in channel.h
 */
#ifndef LISTEN_CHANNEL_TLS_H
#define LISTEN_CHANNEL_TLS_H

#include "listen/channel.h"

struct tls_bundle;

/* fd: becomes the channel's.  b: of a server; the channel takes a reference of its own */
struct channel channel_tls(int fd, struct tls_bundle *b);

#endif
