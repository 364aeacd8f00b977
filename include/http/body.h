/**
 * body: immutable bytes of a reply, shared by reference count (atomic).  They are sent from where
 * they are, never copied.
 *   thread   any, but for http_body_pack
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct http_body;

/**
 * http_body_take(type, ptr, len):
 * A body that owns ptr (malloc'ed; freed with the last reference), one reference to the caller.
 *   type     Content-Type, static
 */
struct http_body *http_body_take(const char *type, char *ptr, size_t len);
struct slice http_body_bytes(const struct http_body *b);

/**
 * http_body_pack(b):
 * Make its gzip form, which is sent instead to who accepts it (Content-Encoding, Vary).  For bodies
 * that are asked for more than once, or large: it costs 5 to 10 ns a byte and the memory.
 *   returns  false: it is not smaller, or there is no memory; b is as it was
 *   thread   the maker's, before the body is given to anybody
 */
bool http_body_pack(struct http_body *b);

void http_body_ref(struct http_body *b);
void http_body_unref(struct http_body *b);   /* NULL is fine */

#endif
