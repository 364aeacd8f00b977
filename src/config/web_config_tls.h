/* The key tls_server_config of a web config: for web_config.c only. */
#ifndef CONFIG_WEB_CONFIG_TLS_H
#define CONFIG_WEB_CONFIG_TLS_H

#include "config/mapping_reader.h"
#include "config/web_values.h"

void web_config_tls_read(struct mapping_reader *r, const struct document_node *map,
                         struct web_config *ret);
void web_config_tls_release(struct web_config *c);

#endif
