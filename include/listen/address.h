/**
 * address: where a listener receives and how, as its URL says (listen/socket_url.h).
 *   thread   read-only after it was read
 */
#ifndef LISTEN_ADDRESS_H
#define LISTEN_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/networks.h"
#include "listen/transport.h"
#include "protocol/framing.h"
#include "protocol/parse.h"

/* How UDP datagrams are spread over the workers: see listen/listener.h. */
enum listen_spread { LISTEN_SPREAD_AUTO, LISTEN_SPREAD_SOURCE, LISTEN_SPREAD_PAYLOAD };

enum {
    LISTEN_PORT_DEFAULT = 8125,
    LISTEN_MODE_DEFAULT = 0666,
    LISTEN_NAME_MAX = 128,
    LISTEN_FILE_MAX = 256, /* a path, with its NUL */
    LISTEN_BACKLOG = 1024, /* connections that the kernel keeps until they are accepted */
};

#define LISTEN_OWNER_SELF UINT32_MAX

struct listen_address {
    enum listen_transport transport;
    enum listen_spread spread;
    enum gauge_sign gauge_sign;
    uint64_t rcvbuf;       /* bytes to ask for; 0: as much as the kernel thinks right */
    struct networks allow; /* of udp and tcp: whose bytes are taken; empty: everybody's */
    /* Of streams: */
    enum framing_kind framing;
    uint64_t idle_timeout_ms; /* a connection without a byte for so long is closed; 0: never */
    uint32_t max_connections; /* open at a time */
    uint32_t max_per_address; /* the same of one address; an IPv6 /64 counts as one */
    /* Of TCP with TLS, else "": paths. */
    char tls_cert[LISTEN_FILE_MAX], tls_key[LISTEN_FILE_MAX];
    char tls_client_ca[LISTEN_FILE_MAX]; /* "": clients need no certificate */
    uint32_t tls_handshakes_per_second;  /* that are begun; others wait to be accepted */
    /* Of Unix sockets: */
    unsigned mode;     /* permissions of the file */
    uint32_t uid, gid; /* who owns the file; LISTEN_OWNER_SELF: as the process makes it */
    socklen_t addr_len;
    struct sockaddr_storage addr; /* AF_INET, AF_INET6, AF_UNIX (abstract: sun_path[0] NUL) */
    bool localhost;               /* the host was `localhost` */
    bool twin; /* [::1] of the localhost before it: takes that one's port, and may be missing */
    char name[LISTEN_NAME_MAX]; /* the URL without its query: for logs and labels */
};

#endif
