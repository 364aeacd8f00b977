/**
 * http_client: the bare client side of HTTP over TCP, for tests that look at each byte of a reply.
 *
 * What goes wrong fails the test.  No call waits longer than CLIENT_PATIENCE_S.
 */
#ifndef SUPPORT_HTTP_CLIENT_H
#define SUPPORT_HTTP_CLIENT_H

#include <stdbool.h>

#include "base/buf.h"

enum { CLIENT_PATIENCE_S = 20 };

int client_dial(const char *address);
/* from: our own address, "127.0.0.2" */
int client_dial_from(const char *address, const char *from);
void client_say(int fd, const char *text);

/* Dial and ask; the server shall close behind its reply. */
int client_ask(const char *address, const char *method, const char *path);

/* Read all until the server closes, NUL-terminated, and close.   returns  false: it never does */
bool client_read_all(int fd, struct buf *out);
void client_hear(int fd, struct buf *reply); /* the same, or the test fails */

unsigned client_status(const struct buf *reply);
bool client_has(const struct buf *reply, const char *text);
const char *client_body(const struct buf *reply);

/* Read all; it must have that status and, if not NULL, that body. */
void client_expect(int fd, unsigned status, const char *body);

/**
 * client_unchunk(reply, out):
 * The body of a chunked reply.  returns  false when it ends before its last chunk
 */
bool client_unchunk(const struct buf *reply, struct buf *out);

#endif
