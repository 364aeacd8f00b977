/* The listening socket: for http.c only. */
#ifndef HTTP_SOCKET_H
#define HTTP_SOCKET_H

#include "base/address.h"

/**
 * http_socket_open(listen, port, ret_address, ret_error):
 *   listen   as in struct http_opts
 *   port     where it has none
 *   returns  the socket (non-blocking, listening) and its address with the real port; or -errno
 *            with *ret_error, as http_start
 */
int http_socket_open(const char *listen, uint16_t port, char ret_address[ADDRESS_TEXT_MAX],
                     const char **ret_error);

/* The same for a socket that listens already.  returns  fd */
int http_socket_given(int fd, char ret_address[ADDRESS_TEXT_MAX]);

#endif
