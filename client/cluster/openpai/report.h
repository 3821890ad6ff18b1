#pragma once

#include <boost/json/value.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "client/cluster/openpai/schema.h"

namespace rdev::cluster::openpai {

// Where a check is in the value; a chain on the stack, since a pointer's text is only made for a
// problem.
struct Path {
  const Path* above = nullptr;
  std::string_view key;
  std::size_t index = 0;
  bool is_index = false;

  Path at(std::string_view below) const { return {.above = this, .key = below}; }
  Path at(std::size_t below) const { return {.above = this, .index = below, .is_index = true}; }
  std::string pointer() const;
};

// Collects problems, and has the checks that a schema is made of.
class Report final {
 public:
  using Check = void (*)(Report& report, const Path& path, const boost::json::value& value);
  enum class Need { kOptional, kRequired };
  struct Key {
    std::string_view name;
    Check check;
    Need need = Need::kOptional;
  };
  enum class Others { kRefused, kFree };  // keys that are not named

  void add(const Path& path, std::string what, Problem::At at = Problem::At::kValue);

  void mapping(const Path& path, const boost::json::value& value, std::initializer_list<Key> keys,
               Others others);
  void list(const Path& path, const boost::json::value& value, Check item, std::size_t least = 0);
  // Keys of the user's own, [a-zA-Z_][a-zA-Z0-9_]*, at least one.
  void named(const Path& path, const boost::json::value& value, Check each);
  void whole_number(const Path& path, const boost::json::value& value);
  void whole_number(const Path& path, const boost::json::value& value, std::int64_t least);
  bool text(const Path& path, const boost::json::value& value);
  void one_of(const Path& path, const boost::json::value& value,
              std::initializer_list<std::string_view> choices);

  std::vector<Problem> take() { return std::move(problems_); }

 private:
  std::vector<Problem> problems_;
};

// "'two'", "2.5", "a list": for "must be …, not …".
std::string shown(const boost::json::value& value);

}  // namespace rdev::cluster::openpai
