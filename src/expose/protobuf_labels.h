/**
 * protobuf_labels: labels of the text format as messages LabelPair.  Private to expose/.
 */
#ifndef EXPOSE_PROTOBUF_LABELS_H
#define EXPOSE_PROTOBUF_LABELS_H

#include <stddef.h>

#include "base/slice.h"

/* labels: `k="v",k2="v2"`, as in struct writer_ops.   returns  the most that they take */
size_t protobuf_labels_room(struct slice labels);

/* Write one message of that field for each label; returns the end. */
char *protobuf_labels(char *to, unsigned field, struct slice labels);

#endif
