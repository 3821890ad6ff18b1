#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rdev::cluster::openpai {

struct Problem {
  std::string pointer;  // RFC 6901, of the value or, of a key that must not be there, of that key
  std::string what;     // "must be a whole number, not 'two'"
  enum class At { kValue, kKey };
  At at = At::kValue;
};

// What the REST server refuses of a job (protocol v2): its JSON schema, and nothing but it.
std::vector<Problem> schema_problems(const boost::json::value& job);

// What it refuses, breaks on or misunderstands beyond the schema; empty as long as schema_problems
// has something to say.
std::vector<Problem> rule_problems(const boost::json::value& job);

// Both; at most kMaxProblems.
inline constexpr std::size_t kMaxProblems = 50;
std::vector<Problem> problems(const boost::json::value& job);

// A role's name as the server writes it: lower case letters and digits, all else dropped.
std::string role_as_written(std::string_view role);

}  // namespace rdev::cluster::openpai
