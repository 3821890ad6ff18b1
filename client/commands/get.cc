#include <unistd.h>

#include <boost/json.hpp>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/defaults.h"
#include "client/ui/table.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

using templates::DefaultKey;

struct Options {
  std::string key;
  bool is_global = false;
  bool all = false;
  bool json = false;
};

struct Row {
  const DefaultKey* key;
  Default found;
  bool is_set;
};

std::string values_text(const templates::DefaultValues& values, const char* separator) {
  std::string text;
  for (const std::string& value : values) {
    text += text.empty() ? "" : separator;
    text += value;
  }
  return text;
}

std::string origin(const Row& row) {
  if (!row.is_set) {
    return "-";
  }
  if (row.found.file == nullptr) {
    return "built in";
  }
  return row.found.file->path.string() + (row.found.is_withheld ? " (not trusted)" : "");
}

std::string as_table(const std::vector<Row>& rows, bool all) {
  ui::Rows table = {{"KEY", "VALUE", "FROM"}};
  if (all) {
    table.front().emplace_back("WHAT");
  }
  for (const Row& row : rows) {
    table.push_back({std::string(row.key->name),
                     row.is_set ? values_text(row.found.values, ", ") : "-", origin(row)});
    if (all) {
      table.back().emplace_back(row.key->text);
    }
  }
  return ui::render_table(table, ui::look_of(STDOUT_FILENO));
}

json::object as_json(const Row& row) {
  const auto* file = row.found.file;
  json::value value;
  if (row.is_set && row.key->is_list) {
    value = json::array(row.found.values.begin(), row.found.values.end());
  } else if (row.is_set) {
    value = json::string(row.found.values.front());
  }
  json::object object{{"key", row.key->name}, {"value", std::move(value)}, {"from", nullptr}};
  if (row.is_set) {
    object["from"] = file == nullptr ? "built-in" : file->is_project ? "project" : "user";
  }
  object["file"] = file == nullptr ? json::value() : json::value(file->path.string());
  object["trusted"] = !row.found.is_withheld;
  return object;
}

Result<std::vector<Row>> rows_of(const Defaults& defaults, const Options& options) {
  std::vector<Row> rows;
  if (!options.key.empty()) {
    if (const auto known = templates::find_default_key(options.key); !known) {
      return tl::make_unexpected(known.error());
    }
  }
  for (const DefaultKey& key : templates::default_keys()) {
    if (!options.key.empty() && options.key != key.name) {
      continue;
    }
    auto found = find_default(defaults, key);
    const bool is_set = found.has_value();
    if (is_set || options.all) {
      rows.push_back({&key, std::move(found).value_or(Default{}), is_set});
    }
  }
  return rows;
}

awaitable<Result<int>> get(Context& context, const Options& options) {
  auto defaults = load_defaults(context.paths);
  if (!defaults) {
    co_return tl::make_unexpected(defaults.error());
  }
  if (options.is_global) {
    defaults->project.reset();
  }
  const auto rows = rows_of(*defaults, options);
  if (!rows) {
    co_return tl::make_unexpected(rows.error());
  }
  if (!options.key.empty() && rows->empty()) {
    note(options.key + " has no default here");
    co_return 1;
  }
  std::string text;
  if (options.json) {
    json::array array;
    for (const Row& row : *rows) {
      array.push_back(as_json(row));
    }
    text = json::serialize(array) + "\n";
  } else if (!options.key.empty()) {
    text = values_text(rows->front().found.values, "\n") + "\n";
  } else {
    text = as_table(*rows, options.all);
  }
  if (const std::string why = why_not_trusted(*defaults); !why.empty()) {
    note(why);
  }
  const auto printed = print(text);
  co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

}  // namespace

Run setup_get(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("KEY", o->key, "Only its value");
  app.add_flag("-g,--global", o->is_global, "Without the project's file");
  app.add_flag("--all", o->all, "Also what has no default, and what each is");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return get(context, *o); }); };
}

}  // namespace rdev::commands
