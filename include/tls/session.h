/**
 * tls_session: TLS over one non-blocking stream socket that the caller polls.
 *
 *     tls_session_new -> tls_session_handshake until TLS_DONE -> tls_session_read, _write
 *                     -> tls_session_bye -> tls_session_free
 *
 * No call waits, sets a timer or calls back.  Each says what to poll for before it is called again.
 * What the caller has to see to:
 *   - a deadline for the handshake: no step says TLS_DONE while the peer is silent or drips bytes
 *   - tls_session_pending before it polls: bytes that are decrypted already do not make the socket
 *     readable again.  A read with room for TLS_RECORD_MAX bytes leaves none
 *   - the number of handshakes: one costs up to 1 ms of CPU with an ECDSA key, 12 ms with RSA-4096
 *
 *   thread   one at a time; it may move from one to another between calls
 */
#ifndef TLS_SESSION_H
#define TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "tls/bundle.h"

/* The most plain bytes of one record. */
enum { TLS_RECORD_MAX = 16384 };

/*
 * The most memory of a session, in bytes: until its handshake is done, and afterwards.  One that is
 * idle takes 11 KiB.  Measured by tests/unit/tls/test_session.c.
 */
enum { TLS_HANDSHAKE_BYTES = 112 * 1024, TLS_SESSION_BYTES = 64 * 1024 };

enum tls_result {
    TLS_DONE,
    TLS_WANT_READ,  /* poll the socket for reading, then call again */
    TLS_WANT_WRITE, /* poll it for writing, then call again */
    TLS_CLOSED,     /* the peer said that it sends no more */
    TLS_CUT,        /* the stream ended without that: what came last may be incomplete */
    TLS_FAILED      /* tls_session_error says why; only _error and _free may follow */
};

struct tls_session;

/**
 * tls_session_new(b, fd, server_name):
 *   b            server or client, as it was loaded; the session takes a reference of its own
 *   fd           the caller's, who closes it after tls_session_free
 *   server_name  client: the host (DNS name or IP address) that the certificate has to be for.
 *                NULL: any certificate that a CA has signed.  Server: NULL
 *   returns      NULL: out of memory
 */
struct tls_session *tls_session_new(struct tls_bundle *b, int fd, const char *server_name);

/*
 * One step.  TLS_CUT: the stream ended before its first byte.  After TLS_FAILED the peer was told
 * by an alert, as far as the socket took it.
 */
enum tls_result tls_session_handshake(struct tls_session *s);

/**
 * tls_session_read(s, p, room, ret_n):
 * Decrypt at most one record.
 *   ret_n    with TLS_DONE: at least 1; else untouched
 */
enum tls_result tls_session_read(struct tls_session *s, void *p, size_t room, size_t *ret_n);

/**
 * tls_session_write(s, p, n, ret_n):
 * Encrypt and send at most one record.
 *   n        at least 1.  After TLS_WANT_*: the same bytes again, at whatever address
 *   ret_n    with TLS_DONE: how many of the n bytes were sent; else untouched
 */
enum tls_result tls_session_write(struct tls_session *s, const void *p, size_t n, size_t *ret_n);

/* Bytes that tls_session_read gives without reading the socket. */
size_t tls_session_pending(const struct tls_session *s);

/* Say that no more will be sent.  TLS_DONE: the caller may close the socket. */
enum tls_result tls_session_bye(struct tls_session *s);

/*
 * Has the peer's hello been answered?  Until then nothing but the beginning of its handshake can
 * have come, and the step that costs most is still to be made: also when the peer was asked for
 * another hello, with a key that we take.
 */
bool tls_session_answered(const struct tls_session *s);

/* After TLS_FAILED: why, for people, in words that are static; no bytes of the peer are in them. */
const char *tls_session_error(const struct tls_session *s);

void tls_session_free(struct tls_session *s); /* NULL is fine; says no bye */

#endif
