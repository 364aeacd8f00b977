/*
 * A datagram, read by the parser and by a plain reading of the protocol: both understand the same.
 *
 *     byte 0   the options (said_opts_of)     byte 1   the CPU's instructions, and the place in
 *     then     the datagram                            memory
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/line_mutator.h"
#include "protocol/scan.h"
#include "protocol/variant.h"
#include "support/said.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const size_t line_mutator_head = 2;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct scan_variant *variants;
    struct said parser = { 0 }, plain = { 0 };
    if (size < 2 || size - 2 > DATAGRAM_MAX)
        return 0;
    const struct said_opts o = said_opts_of(data[0]);
    const size_t n = scan_variants(&variants);
    const char *name = variants[data[1] / 2 % n].name;
    if (!variant_choose(name))
        abort();
    parser_said(&o, (const char *)data + 2, size - 2, data[1] & 1, &parser);
    plain_said(&o, (const char *)data + 2, size - 2, &plain);
    char *both = said_differ(&parser, name, &plain, "plain");
    if (both != NULL) {
        fprintf(stderr, "%s", both);
        abort();
    }
    said_release(&parser);
    said_release(&plain);
    return 0;
}
