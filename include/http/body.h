/**
 * body: the bytes of a reply.  Immutable, shared by reference count (atomic), and sent from where
 * they are, without a copy.
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
 * A new body with one reference, the caller's.
 *   type     Content-Type, static
 *   ptr      from malloc, owned by the body from here on; NULL only if len is 0
 */
struct http_body *http_body_take(const char *type, char *ptr, size_t len);

/* The bytes as they are, not as gzip; valid as long as the caller's reference. */
struct slice http_body_bytes(const struct http_body *b);

/* The bytes of all its forms. */
size_t http_body_memory(const struct http_body *b);

/**
 * http_body_pack(b):
 * Compress b, so that clients that accept gzip get that form (Content-Encoding, Vary).
 *   returns  false: gzip is not smaller, or there is no memory; b is unchanged
 *   thread   one, while its reference is the only one
 *   cost     5 to 10 ns a byte, and memory for both forms: worth it for large bodies, and for those
 *            that are asked for more than once
 */
bool http_body_pack(struct http_body *b);

/*
 * Is the caller's reference the only one?  Then the bytes were sent, or their clients have gone.
 */
bool http_body_alone(const struct http_body *b);

void http_body_ref(struct http_body *b);
void http_body_unref(struct http_body *b); /* NULL is fine */

#endif
