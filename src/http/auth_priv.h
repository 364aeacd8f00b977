/**
 * auth_priv: how requests get past auth.  For request.c and its tests only.
 */
#ifndef HTTP_AUTH_PRIV_H
#define HTTP_AUTH_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "http/auth.h"
#include "http/auth_verdict.h"

/* header: the value of Authorization, or NULL. A look into what is known.  thread  HTTP */
enum http_verdict http_auth_look(struct http_auth *a, const char *header);

/* Are there users, so that OK is the verdict of a right password?  thread  any */
bool http_auth_asks(struct http_auth *a);

/**
 * http_auth_ask(a, header, who, done, cookie):
 * What look did not know: have it checked.
 *   who      the client's address as a number
 *   done     is called once, by the checker or before this returns; also by http_auth_free
 *   thread   HTTP
 */
void http_auth_ask(struct http_auth *a, const char *header, uint64_t who, http_auth_done done,
                   void *cookie);

#endif
