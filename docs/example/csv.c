/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "csv.h"

#include <stdlib.h>
#include <string.h>

#include "die.h"

void csv_open(struct csv *csv, const char *path)
{
	csv->path = path;
	csv->file = fopen(path, "r");
	csv->line = 0;
	csv->row = NULL;
	if (!csv->file || setvbuf(csv->file, csv->buffer, _IOFBF, sizeof(csv->buffer)))
		die_errno(path);
}

void csv_close(struct csv *csv)
{
	free(csv->row);
	fclose(csv->file);
}

static void split(struct csv *csv)
{
	struct csv_row *row = csv->row;
	char *at = row->text;

	while (at) {
		if (row->n_fields == CSV_FIELDS)
			die("%s:%llu: too many fields", csv->path, (unsigned long long)csv->line);
		row->field[row->n_fields++] = at;
		at = strchr(at, ',');
		if (at)
			*at++ = '\0';
	}
}

bool csv_next(struct csv *csv)
{
	size_t len;

	free(csv->row);
	csv->row = calloc(1, sizeof(*csv->row));
	if (!csv->row)
		die_errno("memory for a row");
	if (!fgets(csv->row->text, sizeof(csv->row->text), csv->file)) {
		if (ferror(csv->file))
			die_errno(csv->path);
		return false;
	}
	csv->line++;
	len = strlen(csv->row->text);
	if (csv->row->text[len - 1] != '\n')
		die("%s:%llu: no end of the line", csv->path, (unsigned long long)csv->line);
	csv->row->text[len - 1] = '\0';
	split(csv);
	return true;
}
