/* The listening socket: for http.c only. */
#ifndef HTTP_SOCKET_H
#define HTTP_SOCKET_H

#include "base/address.h"

/**
 * http_socket_open(listen, ret_address, ret_error):
 *   returns  the socket (non-blocking) and where it listens, with the real port; or -errno as http_start and *ret_error
 */
int http_socket_open(const char *listen, char ret_address[ADDRESS_TEXT_MAX], const char **ret_error);

#endif
