/**
 * upload: the body of a request, kept for the route's owner within bounds.  Private to http/.
 *
 * What is too long is noticed by its Content-Length, before it is sent, or as its chunks come; the
 * rest of it is then read and dropped, and r->upload_status says with what it is answered.
 *   thread   HTTP; release: any, with the request's last reference
 */
#ifndef HTTP_UPLOAD_H
#define HTTP_UPLOAD_H

#include "http/http_priv.h"

/* The head is here, and r->found is set. */
void http_upload_begin(struct http_request *r, const char *method);

void http_upload_add(struct http_request *r, const char *bytes, size_t n);

void http_upload_release(struct http_request *r);

#endif
