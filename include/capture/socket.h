/**
 * socket: a socket that brings datagrams, as captures know it.
 */
#ifndef CAPTURE_SOCKET_H
#define CAPTURE_SOCKET_H

#include <sys/socket.h>

/* Its number in the files is its place in an array of these. */
struct capture_socket {
    const char *url;
    struct sockaddr_storage address; /* AF_UNIX: the family alone */
};

#endif
