#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::templates {

// Where something stands in a text, from 1; 0: unknown.
struct Place {
  int line = 0;
  int column = 0;
};

// "FILE:LINE:COLUMN", or "FILE".
std::string place_text(const std::string& file, Place place);

// A YAML or JSON document that is passed on to somebody else: its values have the types of YAML's
// core schema (YAML 1.2.2, section 10.3), all else that is not quoted is a string ("no" and 1:30
// are), and each value's place is known.
class TypedYaml final {
 public:
  const boost::json::value& value() const { return value_; }
  const std::string& file() const { return file_; }

  // Of the value at an RFC 6901 pointer ("/taskRoles/rdev"), or of its key. For a pointer to what
  // the document does not have: of what would enclose it.
  Place place(std::string_view pointer) const { return find(pointer)->value; }
  Place key_place(std::string_view pointer) const;

  // Code::kUsage "FILE:LINE:COLUMN: taskRoles.rdev: WHAT".
  tl::unexpected<Error> wrong(std::string_view pointer, const std::string& what) const;
  tl::unexpected<Error> wrong_key(std::string_view pointer, const std::string& what) const;

 private:
  friend class TypedYamlBuilder;
  // As the value: one child for each item, or for each key in the object's order.
  struct Node {
    Place value, key;
    std::vector<Node> children;
  };
  const Node* find(std::string_view pointer, bool* whole = nullptr) const;
  tl::unexpected<Error> wrong_at(Place place, std::string_view pointer,
                                 const std::string& what) const;

  boost::json::value value_;
  std::string file_;
  Node root_;
};

// Code::kUsage or kLimit "FILE:LINE:COLUMN: …". Refused are: more than kMaxYamlBytes
// (strict_yaml.h), deep nesting, aliases that make much out of little, repeated keys, keys that are
// not scalars,
// "<<" (merging keys is not YAML 1.2), .inf and .nan (JSON has none), NUL characters and invalid
// UTF-8. An empty document is null. `file` is for messages.
Result<TypedYaml> parse_typed_yaml(std::string_view text, const std::string& file);

}  // namespace rdev::templates
