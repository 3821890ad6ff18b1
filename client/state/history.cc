#include "client/state/history.h"

#include <algorithm>
#include <boost/json.hpp>

#include "protocol/base/file.h"

namespace rdev::state {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kMaxBytes = 64U << 20U;

fs::path history_file(const Paths& paths) { return paths.state / "history.json"; }

std::string text_in(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

Submission read_one(const json::object& object) {
  Submission one{.command = text_in(object, "command"),
                 .cluster = text_in(object, "cluster"),
                 .name = text_in(object, "name"),
                 .native = text_in(object, "native"),
                 .options = {}};
  if (const json::value* at = object.if_contains("at_unix_s"); at != nullptr && at->is_int64()) {
    one.at_unix_s = at->get_int64();
  }
  if (const json::value* options = object.if_contains("options");
      options != nullptr && options->is_object()) {
    one.options = options->get_object();
  }
  if (const json::value* document = object.if_contains("document"); document != nullptr) {
    one.document = *document;
  }
  return one;
}

json::object as_json(Submission one) {
  return {{"at_unix_s", one.at_unix_s},
          {"command", one.command},
          {"cluster", one.cluster},
          {"name", one.name},
          {"native", one.native},
          {"options", std::move(one.options)},
          {"document", std::move(one.document)}};
}

// The oldest first.
Result<json::array> read_file(const Paths& paths) {
  const fs::path file = history_file(paths);
  const auto text = base::read_file(file, kMaxBytes);
  if (!text && text.error().code == Code::kNotFound) {
    return json::array();
  }
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  boost::system::error_code error;
  json::value value = json::parse(*text, error);
  if (error || !value.is_array()) {
    return fail(Code::kProtocol, file.string() + " is not the history that rdev wrote: remove it");
  }
  return std::move(value.get_array());
}

}  // namespace

Result<void> add_to_history(const Paths& paths, Submission submission) {
  if (auto made = base::make_private_dir(paths.state); !made) {
    return made;
  }
  const auto lock = base::lock_file(paths.state / "history.lock", base::LockWait::kBlock);
  if (!lock) {
    return tl::make_unexpected(lock.error());
  }
  auto all = read_file(paths);
  if (!all) {
    return tl::make_unexpected(all.error());
  }
  all->emplace_back(as_json(std::move(submission)));
  if (all->size() > kMostSubmissions) {
    all->erase(all->begin(), all->end() - kMostSubmissions);
  }
  return base::write_file_atomic(history_file(paths), json::serialize(*all) + "\n", 0600);
}

Result<std::vector<Submission>> read_history(const Paths& paths) {
  const auto all = read_file(paths);
  if (!all) {
    return tl::make_unexpected(all.error());
  }
  std::vector<Submission> submissions;
  for (const json::value& one : *all) {
    if (one.is_object()) {
      submissions.push_back(read_one(one.get_object()));
    }
  }
  std::reverse(submissions.begin(), submissions.end());
  return submissions;
}

}  // namespace rdev::state
