/**
 * scrape_priv: the inside of scrape.h, for scrape.c (requests and expositions) and scrape_room.c
 * (which exposition has to go for another one).
 *   thread   control
 */
#ifndef EXPOSE_SCRAPE_PRIV_H
#define EXPOSE_SCRAPE_PRIV_H

#include "expose/exposition.h"
#include "expose/scrape.h"
#include "http/desk.h"

/* A registry that is shown, or was and is still read. */
struct scrape_source {
    struct scrape_source *next; /* the one shown before it */
    struct exposition_source at;
};

struct scrape {
    struct http_desk desk;
    struct exposition_source source; /* what all have in common: no registry, no writers */
    struct scrape_source *shown;     /* the latest; NULL: none so far */
    void (*left)(void *own, struct registry *r);
    const char *refusal; /* while those who wait are refused: the text */
    uv_async_t asked;    /* a request came in, or an exposition may go on */
    bool stopped;
    int64_t zero_ms;               /* as writers have it */
    struct exposition *under_way;  /* newest first, with those rendered and still read */
    size_t page[EXPOSITION_FORMS]; /* bytes of the latest whole page of each form */
};

/* How many more expositions may be begun without cutting one off. */
size_t scrape_places(const struct scrape *s);

/**
 * scrape_make_room(s, newcomers, n):
 * Cut off what has to go for one more exposition.
 *   newcomers  the n addresses that ask for it
 *   returns    false: there is no room, and those who are there read
 */
bool scrape_make_room(struct scrape *s, const uint64_t *newcomers, size_t n);

#endif
