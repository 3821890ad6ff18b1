#include "client/commands/storage_report.h"

#include <array>
#include <boost/json.hpp>
#include <ctime>

#include "client/ui/table.h"
#include "client/ui/units.h"
#include "client/ui/utf8.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;
using cluster::openpai::StorageDetail;
using storage::Item;
using storage::Kind;

std::string utc(std::int64_t unix_s) {
  if (unix_s == 0) {
    return "-";
  }
  const std::time_t time = unix_s;
  std::tm parts{};
  std::array<char, 32> text{};
  ::gmtime_r(&time, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string shown_name(const Item& item) {
  return item.name + (item.kind == Kind::kFolder ? "/" : "");
}

json::object object_of(const Item& item) {
  json::object object{{"name", ui::valid_utf8(item.name)},
                      {"kind", item.kind == Kind::kFolder ? "folder" : "file"}};
  object["bytes"] = item.kind == Kind::kFile ? json::value(item.bytes) : json::value(nullptr);
  object["modified_unix_s"] =
      item.modified_s != 0 ? json::value(item.modified_s) : json::value(nullptr);
  return object;
}

json::object object_of(const StorageDetail& storage) {
  return {{"name", ui::valid_utf8(storage.summary.name)},
          {"type", ui::valid_utf8(storage.type)},
          {"where", ui::valid_utf8(storage.where)},
          {"path", ui::valid_utf8(storage.path)},
          {"shared", storage.summary.shared},
          {"default", storage.summary.is_default},
          {"read_only", storage.read_only}};
}

std::string access_of(const StorageDetail& storage) {
  return std::string(storage.summary.shared ? "shared" : "a folder for each user") +
         (storage.read_only ? ", read only" : "");
}

}  // namespace

std::string storages_text(const std::vector<StorageDetail>& storages) {
  std::vector<std::vector<std::string>> rows{{"NAME", "TYPE", "WHERE", "ACCESS", "DEFAULT"}};
  for (const StorageDetail& storage : storages) {
    rows.push_back({storage.summary.name, storage.type.empty() ? "?" : storage.type, storage.where,
                    access_of(storage), storage.summary.is_default ? "yes" : ""});
  }
  return ui::render_table(rows);
}

std::string storages_json(const std::vector<StorageDetail>& storages) {
  json::array all;
  for (const StorageDetail& storage : storages) {
    all.push_back(object_of(storage));
  }
  return json::serialize(all) + "\n";
}

std::string storage_text(const StorageDetail& storage) {
  return ui::render_table(
      {{"name", storage.summary.name},
       {"type", storage.type.empty() ? "?" : storage.type},
       {"where", storage.where + (storage.path.empty() ? "" : " " + storage.path)},
       {"access", access_of(storage)},
       {"default", storage.summary.is_default ? "yes" : "no"}});
}

std::string storage_json(const StorageDetail& storage) {
  return json::serialize(object_of(storage)) + "\n";
}

std::string items_text(const std::vector<Item>& items, Columns columns) {
  std::vector<std::vector<std::string>> rows;
  for (const Item& item : items) {
    if (columns == Columns::kNames) {
      rows.push_back({shown_name(item)});
    } else {
      rows.push_back({item.kind == Kind::kFile ? std::to_string(item.bytes) : "-",
                      utc(item.modified_s), shown_name(item)});
    }
  }
  return rows.empty() ? "" : ui::render_table(rows);
}

std::string items_json(const std::vector<Item>& items) {
  json::array all;
  for (const Item& item : items) {
    all.push_back(object_of(item));
  }
  return json::serialize(all) + "\n";
}

std::string item_text(const Item& item) {
  return ui::render_table({{"name", item.name.empty() ? "/" : item.name},
                           {"kind", item.kind == Kind::kFolder ? "folder" : "file"},
                           {"bytes", item.kind == Kind::kFile ? std::to_string(item.bytes) : "-"},
                           {"modified", utc(item.modified_s)}});
}

std::string item_json(const Item& item) { return json::serialize(object_of(item)) + "\n"; }

std::string totals_text(const storage::Totals& totals) {
  return std::to_string(totals.files) + (totals.files == 1 ? " file, " : " files, ") +
         ui::format_bytes(totals.bytes) + " copied" +
         (totals.resumed > 0 ? ", " + ui::format_bytes(totals.resumed) + " were there already"
                             : "") +
         "\n";
}

std::string totals_json(const storage::Totals& totals) {
  json::array skipped;
  for (const std::string& one : totals.skipped) {
    skipped.emplace_back(ui::valid_utf8(one));
  }
  return json::serialize(json::object{{"files", totals.files},
                                      {"bytes", totals.bytes},
                                      {"resumed_bytes", totals.resumed},
                                      {"failed", totals.errors.size()},
                                      {"skipped", skipped}}) +
         "\n";
}

}  // namespace rdev::commands
