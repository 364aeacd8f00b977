/**
 * json: what all answers need of jansson.  Memory for it comes from mem.h, see api_new.
 *   thread   control
 */
#ifndef API_JSON_H
#define API_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/slice.h"

/* Any bytes: those that are no UTF-8 become U+FFFD, each. */
json_t *api_json_text(struct slice s);

/* A member of an object; none when s.ptr is NULL. */
void api_json_set_text(json_t *object, const char *key, struct slice s);

/* A member of an object: a number that is finite, in no more digits than it needs; a count. */
void api_json_set_number(json_t *object, const char *key, double value);
void api_json_set_count(json_t *object, const char *key, uint64_t n);

/* Append the text of j, on one line.  Takes j. */
void api_json_put_take(json_t *j, struct buf *out);

/**
 * api_json_error(out, argument, error):
 * Append {"error": ..., "argument": ...} and a line end.
 *   argument  ptr NULL: the error is of none
 *   error     for people; says what to do
 */
void api_json_error(struct buf *out, struct slice argument, struct slice error);

#endif
