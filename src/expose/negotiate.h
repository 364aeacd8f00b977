/**
 * negotiate: which of what we have suits a request best (RFC 9110, 12.5).  Pure.
 *
 * The highest q wins; of equal ones what the client names over what it means by a wildcard, then
 * the first of our table.  Where nothing suits, the default is served, not an error: a client with
 * a strange list reads the text, too.
 */
#ifndef EXPOSE_NEGOTIATE_H
#define EXPOSE_NEGOTIATE_H

#include <stddef.h>

#include "base/slice.h"
#include "expose/encoding.h"
#include "expose/writer.h"

/**
 * negotiate_format(accept, offers, n):
 *   accept   a whole Accept; empty: there is none
 *   offers   n > 0 of them; content_type and required are read.  The first is the default
 *   returns  the place of the best of them
 */
size_t negotiate_format(struct slice accept, const struct writer_ops *const *offers, size_t n);

/* accept_encoding: a whole Accept-Encoding, or empty.  The default is ENCODING_IDENTITY. */
enum encoding_id negotiate_encoding(struct slice accept_encoding);

#endif
