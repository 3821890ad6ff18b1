#include "client/cluster/openpai/report.h"

#include <algorithm>
#include <cmath>

#include "client/templates/pointer.h"
#include "client/templates/yaml_text.h"
#include "client/ui/suggest.h"
#include "client/ui/utf8.h"

namespace rdev::cluster::openpai {

namespace json = boost::json;

namespace {

// As JavaScript has them: 4.0 is one.
bool is_whole(const json::value& value) {
  return value.is_int64() || value.is_uint64() ||
         (value.is_double() && std::trunc(value.get_double()) == value.get_double());
}

bool is_identifier(std::string_view text) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (text.empty() || !is_letter(text.front())) {
    return false;
  }
  for (const char c : text) {
    if (!is_letter(c) && (c < '0' || c > '9')) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string Path::pointer() const {
  if (above == nullptr) {
    return "";
  }
  return is_index ? templates::pointer_to(above->pointer(), index)
                  : templates::pointer_to(above->pointer(), key);
}

std::string shown(const json::value& value) {
  constexpr std::size_t kLongest = 40;
  if (const json::string* text = value.if_string()) {
    const bool longer = text->size() > kLongest;
    return "'" + ui::valid_utf8(std::string_view(*text).substr(0, kLongest)) +
           (longer ? "…'" : "'");
  }
  return value.is_object()  ? "a mapping"
         : value.is_array() ? "a list"
         : value.is_null()  ? "empty"
                            : templates::to_json(value);
}

void Report::add(const Path& path, std::string what, Problem::At at) {
  if (problems_.size() < kMaxProblems) {
    problems_.push_back({.pointer = path.pointer(), .what = std::move(what), .at = at});
  }
}

void Report::mapping(const Path& path, const json::value& value, std::initializer_list<Key> keys,
                     Others others) {
  const json::object* object = value.if_object();
  if (object == nullptr) {
    add(path, value == "******" ? "holds '******', which the server shows in place of secrets: "
                                  "write them anew, or remove the key"
                                : "must be a mapping of keys to values, not " + shown(value));
    return;
  }
  for (const Key& key : keys) {
    if (const json::value* child = object->if_contains(key.name)) {
      key.check(*this, path.at(key.name), *child);
    } else if (key.need == Need::kRequired) {
      add(path.at(key.name), "is missing");
    }
  }
  if (others == Others::kFree) {
    return;
  }
  std::vector<std::string_view> known;
  for (const Key& key : keys) {
    known.push_back(key.name);
  }
  for (const auto& [name, child] : *object) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      add(path.at(name), "unknown key" + ui::did_you_mean(name, known), Problem::At::kKey);
    }
  }
}

void Report::list(const Path& path, const json::value& value, Check item, std::size_t least) {
  const json::array* items = value.if_array();
  if (items == nullptr) {
    add(path, "must be a list, not " + shown(value));
    return;
  }
  if (items->size() < least) {
    add(path, "must have at least one item");
  }
  for (std::size_t i = 0; i < items->size(); ++i) {
    item(*this, path.at(i), (*items)[i]);
  }
}

void Report::named(const Path& path, const json::value& value, Check each) {
  const json::object* object = value.if_object();
  if (object == nullptr) {
    return;  // the schema has nothing against it; rules.cc has
  }
  if (object->empty()) {
    add(path, "must have at least one key");
  }
  for (const auto& [name, child] : *object) {
    if (is_identifier(name)) {
      each(*this, path.at(name), child);
    } else {
      add(path.at(name), "must be a name of letters, digits and _, not beginning with a digit",
          Problem::At::kKey);
    }
  }
}

void Report::whole_number(const Path& path, const json::value& value) {
  if (!is_whole(value)) {
    add(path, "must be a whole number, not " + shown(value));
  }
}

void Report::whole_number(const Path& path, const json::value& value, std::int64_t least) {
  const bool too_small = value.is_int64()    ? value.get_int64() < least
                         : value.is_double() ? value.get_double() < static_cast<double>(least)
                                             : false;
  if (!is_whole(value) || too_small) {
    add(path,
        "must be a whole number of at least " + std::to_string(least) + ", not " + shown(value));
  }
}

bool Report::text(const Path& path, const json::value& value) {
  if (!value.is_string()) {
    add(path, "must be text, not " + shown(value) +
                  (value.is_structured() || value.is_null() ? "" : " (write it in quotes)"));
  }
  return value.is_string();
}

void Report::one_of(const Path& path, const json::value& value,
                    std::initializer_list<std::string_view> choices) {
  std::string all;
  for (const std::string_view choice : choices) {
    if (value.is_string() && value.get_string() == choice) {
      return;
    }
    all += (all.empty() ? "" : ", ") + std::string(choice);
  }
  add(path, "must be " + std::string(choices.size() > 1 ? "one of " : "") + all + ", not " +
                shown(value));
}

}  // namespace rdev::cluster::openpai
