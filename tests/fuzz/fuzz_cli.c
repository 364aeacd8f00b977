/*
 * A command line, a word in each line, and behind an empty line what standard input holds: `statsd
 * explain`, check, describe and all that is none.  It ends with one of the exit statuses that there
 * are; explain --json says one JSON object, whatever it explains.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "cmd/cli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 12, STARTED = 7 };

static int run(const struct config *c, struct core_mapping *mapping,
               const struct config_source *src, bool takeover)
{
    (void)c;
    (void)mapping;
    (void)src;
    (void)takeover;
    return STARTED;
}

/* Words that read or write files of the machine, or connect, are left out. */
static bool is_harmless(const char *word)
{
    return strchr(word, '/') == NULL && strncmp(word, "-c", 2) != 0 &&
           strncmp(word, "--mapping-out", 5) != 0 && strncmp(word, "--test", 4) != 0 &&
           strcmp(word, "convert") != 0 && strcmp(word, "redis") != 0 &&
           strcmp(word, "ready") != 0 && strstr(word, "mapping") == NULL &&
           strstr(word, "web_config") == NULL && strstr(word, "web.config") == NULL &&
           strstr(word, "tls_") == NULL && strstr(word, "_file") == NULL &&
           strstr(word, "_dir") == NULL;
}

/* returns  how many words; *ret_input: what is behind them */
static int words_of(char *text, const char **argv, char **ret_input)
{
    int argc = 1;
    argv[0] = "statsd";
    for (char *line; argc < WORDS_MAX && (line = strsep(&text, "\n")) != NULL && line[0] != '\0';)
        if (is_harmless(line))
            argv[argc++] = line;
    argv[argc] = NULL;
    *ret_input = text;
    return argc;
}

static bool is_json(int argc, const char *const *argv)
{
    bool json = false;
    for (int i = 2; i < argc; i++)
        json |= strcmp(argv[i], "--json") == 0;
    return json && strcmp(argv[1], "explain") == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int nowhere = -1;
    const char *argv[WORDS_MAX + 1];
    char *text = mem_alloc(size + 1), *input, *out = NULL, *err = NULL;
    size_t out_n, err_n;
    if (nowhere < 0)
        log_to_fd(nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC));
    memcpy(text, data, size);
    text[size] = '\0';
    int argc = words_of(text, argv, &input);
    size_t n = input != NULL ? size - (size_t)(input - text) : 0;
    char none[1] = "";
    struct cli_io io = { .in = n > 0 ? fmemopen(input, n, "r") : fmemopen(none, 1, "r"),
                         .out = open_memstream(&out, &out_n),
                         .err = open_memstream(&err, &err_n),
                         .columns = size % 3 == 0 ? 80 : 0,
                         .run = run };
    if (io.in == NULL || io.out == NULL || io.err == NULL)
        abort();
    int status = cli_run(argc, argv, &io);
    fclose(io.in);
    fclose(io.out);
    fclose(io.err);
    assert(status == CLI_OK || status == CLI_FAILED || status == CLI_USAGE || status == STARTED);
    assert(status != CLI_USAGE || err_n > 0);
    if (is_json(argc, argv) && status != CLI_USAGE && out_n > 0 && out[0] == '{') {
        json_t *j = json_loadb(out, out_n, 0, NULL);
        assert(j != NULL && json_is_array(json_object_get(j, "samples")));
        json_decref(j);
    }
    free(text);
    free(out);
    free(err);
    return 0;
}
