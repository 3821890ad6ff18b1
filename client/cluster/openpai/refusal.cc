#include "client/cluster/openpai/refusal.h"

#include <algorithm>

#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

constexpr std::size_t kMaxMessage = 4096;  // bytes that are looked at

// ".taskRoles['worker'].resourcePerInstance.ports['ssh']" in dots alone.
std::string dotted(std::string_view data_path) {
  std::string path;
  for (const char c : data_path) {
    if (c == '\'' || c == '"' || c == ']') {
      continue;
    }
    path += c == '[' || c == '/' ? '.' : c;
  }
  return path.substr(std::min(path.find_first_not_of('.'), path.size()));
}

void read_complaint(const json::object& complaint, Said& said) {
  const std::string keyword = text_in(complaint, "keyword");
  const json::object none;
  const json::object* found = object_in(complaint, "params");
  const json::object& params = found == nullptr ? none : *found;
  said.path = dotted(text_in(complaint, "dataPath"));
  const std::string dot = said.path.empty() ? "" : ".";
  if (keyword == "required") {
    said.path += dot + text_in(params, "missingProperty");
    said.fault = "is missing";
  } else if (keyword == "additionalProperties") {
    said.path += dot + text_in(params, "additionalProperty");
    said.fault = "is not known to the server";
  } else if (keyword == "pattern") {
    said.fault = "should match " + text_in(params, "pattern");
  } else {
    said.fault = text_in(complaint, "message");
  }
}

// The JSON array inside the message of a document that the schema does not allow.
bool unfold(const std::string& message, Said& said) {
  const auto value = read_body(message, "list of faults");
  const json::array* faults = value ? value->if_array() : nullptr;
  const json::object* first =
      faults == nullptr || faults->empty() ? nullptr : faults->front().if_object();
  if (first == nullptr) {
    return false;
  }
  read_complaint(*first, said);
  said.faults = static_cast<int>(std::min<std::size_t>(faults->size(), 1000));
  return !said.fault.empty();
}

// `child "password" fails because ["password" is required]`: the innermost reason, without quotes.
std::string innermost(std::string message) {
  constexpr std::string_view kBecause = " fails because [";
  for (std::size_t at = message.find(kBecause); at != std::string::npos;
       at = message.find(kBecause)) {
    message.erase(0, at + kBecause.size());
    if (message.ends_with(']')) {
      message.pop_back();
    }
  }
  return message;
}

bool is_markup(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos || text[first] == '<' ||
         text.find("</") != std::string_view::npos;
}

bool is_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

}  // namespace

Said read_refusal(const Refusal& refusal) {
  Said said;
  std::string message = refusal.body;
  if (const auto object = read_object(refusal.body, "answer"); object) {
    said.json = true;
    said.code = text_in(*object, "code");
    message = text_in(*object, "message");
    if (is_json(message) && unfold(message, said)) {
      return said;
    }
    message = innermost(message.substr(0, kMaxMessage));
  }
  if (!is_markup(message) && !is_json(message)) {
    said.message = std::move(message);
  }
  return said;
}

}  // namespace rdev::cluster::openpai
