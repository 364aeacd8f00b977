/**
 * Any bytes as a config file, and their first line as --set: read, or refused with whole lines of
 * printable text.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "listen/socket_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_errors(const struct buf *errors)
{
    assert(errors->len > 0 && errors->ptr[errors->len - 1] == '\n');
    for (size_t i = 0; i < errors->len; i++)
        assert((unsigned char)errors->ptr[i] >= ' ' || errors->ptr[i] == '\n');
}

static void check_config(const struct config *c)
{
    struct buf out = { 0 };
    assert(c->n_sockets > 0 && c->n_sockets == c->listen_socket.n);
    assert(c->server_interval_ms >= 100 && c->limits_max_tags <= 1024 &&
           c->limits_max_line <= 65535);
    for (size_t i = 1; i < c->aggregate_quantiles.n; i++)
        assert(c->aggregate_quantiles.at[i - 1] < c->aggregate_quantiles.at[i]);
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        config_print(c, (enum option_id)i, &out);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    const void *lf = memchr(text, '\n', size);
    size_t first = lf != NULL ? (size_t)((const char *)lf - text) : size;
    char *set = strndup(text, first);
    const char *const sets[] = { set };
    const struct config_source sources[] = { { 0 }, { .sets = sets, .n_sets = 1 } };
    for (size_t i = 0; i < 2; i++) {
        struct config c;
        struct buf errors = { 0 };
        int rc = config_load_text(&sources[i], "fuzz.conf", slice_of(text, i == 0 ? size : 0), &c,
                                  &errors);
        if (rc == 0) {
            assert(errors.len == 0);
            check_config(&c);
            config_release(&c);
        } else {
            check_errors(&errors);
        }
        buf_release(&errors);
    }
    free(set);
    free(text);
    return 0;
}
