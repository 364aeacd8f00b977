/**
 * Any bytes as another server's config, the first of them says whose: converted into a config that
 * passes, or refused with whole lines of printable text.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_printable(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert((unsigned char)text[i] >= ' ' || text[i] == '\n');
    assert(n == 0 || text[n - 1] == '\n');
}

static void check_passes(const char *text, size_t n)
{
    static const struct config_source nothing_else = { 0 };
    struct config c;
    struct buf errors = { 0 };
    assert(config_load_text(&nothing_else, "made.conf", slice_of(text, n), &c, &errors) == 0);
    config_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const servers[] = { "statsd_exporter", "datadog", "brubeck", "etsy" };
    if (size == 0)
        return 0;
    const char *argv[] = { "statsd", "convert", servers[data[0] % ARRAY_LEN(servers)], "-" };
    char *out = NULL, *err = NULL, *text = malloc(size); /* exact, for the sanitizer */
    size_t out_n = 0, err_n = 0;
    memcpy(text, data, size);
    struct cli_io io = { .in =
                             size > 1 ? fmemopen(text + 1, size - 1, "r") : fopen("/dev/null", "r"),
                         .out = open_memstream(&out, &out_n),
                         .err = open_memstream(&err, &err_n) };
    int rc = cli_run(4, argv, &io);
    fclose(io.in);
    fclose(io.out);
    fclose(io.err);
    assert(rc == CLI_OK || rc == CLI_USAGE);
    assert((rc == CLI_OK) == (err_n == 0) && (rc == CLI_OK) == (out_n > 0));
    check_printable(err, err_n);
    check_printable(out, out_n);
    if (rc == CLI_OK)
        check_passes(out, out_n);
    free(out);
    free(err);
    free(text);
    return 0;
}
