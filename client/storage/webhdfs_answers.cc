#include "client/storage/webhdfs_answers.h"

#include "client/http/json.h"
#include "client/storage/path.h"
#include "client/ui/table.h"

namespace rdev::storage {
namespace {

namespace json = boost::json;

Result<json::value> read_json(std::string_view text) {
  if (text.size() > kMaxJson) {
    return fail(Code::kLimit, "the answer of WebHDFS is too long");
  }
  return http::parse_json(text, "the answer of WebHDFS");
}

std::string first_line(std::string text) {
  text = text.substr(0, std::min<std::size_t>(text.find('\n'), 200));
  return ui::printable_line(std::move(text));
}

// "SYMLINK" and what else there may be: nothing.
bool is_taken(const json::value& status) {
  const std::string type = http::text_at(status, "/type");
  return type == "FILE" || type == "DIRECTORY";
}

Item read_status(const json::value& status, std::string name) {
  const std::int64_t modified_ms = http::int_at(status, "/modificationTime");
  const std::int64_t bytes = std::max<std::int64_t>(0, http::int_at(status, "/length"));
  Item item{.name = std::move(name), .modified_s = modified_ms / 1000};
  if (http::text_at(status, "/type") == "DIRECTORY") {
    item.kind = Kind::kFolder;
  } else {
    item.bytes = static_cast<std::uint64_t>(bytes);
    item.version = std::to_string(bytes) + "-" + std::to_string(modified_ms);
  }
  return item;
}

// `more`: there is another page, behind the last one here.
Result<Page> read_statuses(const json::value& value, std::string_view pointer, bool more) {
  const json::value* all = http::find_at(value, pointer);
  if (all == nullptr || !all->is_array()) {
    return fail(Code::kProtocol, "the answer of WebHDFS is no list of a folder");
  }
  Page page;
  for (const json::value& status : all->get_array()) {
    std::string name = http::text_at(status, "/pathSuffix");
    if (more) {
      page.next = name;
    }
    if (is_name(name) && is_taken(status)) {
      page.items.push_back(read_status(status, std::move(name)));
    } else if (!name.empty()) {
      ++page.unfit;
    }
  }
  return page;
}

}  // namespace

Result<Item> parse_file_status(std::string_view text, std::string name) {
  const auto value = read_json(text);
  if (!value) {
    return tl::make_unexpected(value.error());
  }
  const json::value* status = http::find_at(*value, "/FileStatus");
  if (status == nullptr || !is_taken(*status)) {
    return fail(Code::kProtocol, "the answer of WebHDFS is neither of a file nor of a folder");
  }
  return read_status(*status, std::move(name));
}

Result<Page> parse_directory_listing(std::string_view text) {
  const auto value = read_json(text);
  if (!value) {
    return tl::make_unexpected(value.error());
  }
  return read_statuses(*value, "/DirectoryListing/partialListing/FileStatuses/FileStatus",
                       http::int_at(*value, "/DirectoryListing/remainingEntries") > 0);
}

Result<Page> parse_file_statuses(std::string_view text) {
  const auto value = read_json(text);
  return value ? read_statuses(*value, "/FileStatuses/FileStatus", false)
               : tl::make_unexpected(value.error());
}

bool parse_boolean(std::string_view text) {
  const auto value = read_json(text);
  return value && http::bool_at(*value, "/boolean");
}

RemoteException parse_remote_exception(std::string_view text) {
  const auto value = read_json(text);
  if (!value) {
    return {};
  }
  return {.name = first_line(http::text_at(*value, "/RemoteException/exception")),
          .message = first_line(http::text_at(*value, "/RemoteException/message"))};
}

}  // namespace rdev::storage
