#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::templates {

// A value of a YAML file that people edit, read strictly: what is not understood is an error
// "FILE:LINE:COLUMN: KEY: …", never ignored.
class Value final {
 public:
  Value(const YAML::Node& node, std::string key, std::string file)
      : node_(node), key_(std::move(key)), file_(std::move(file)) {}

  Result<std::string> text() const;  // any scalar but null
  Result<bool> flag() const;         // true or false
  Result<double> number() const;
  Result<std::uint64_t> whole_number(std::uint64_t least, std::uint64_t most) const;
  Result<std::vector<std::string>> texts() const;
  Result<std::map<std::string, std::string>> text_map() const;
  Result<std::vector<Value>> items() const;

  // Reads a mapping: one function a key. Unknown and repeated keys are errors. Null is empty.
  using Setter = std::function<Result<void>(const Value&)>;
  Result<void> mapping(const std::map<std::string_view, Setter>& setters) const;

  // An error at this value.
  tl::unexpected<Error> wrong(const std::string& what) const;

 private:
  Value child(const YAML::Node& key, const YAML::Node& value) const;

  YAML::Node node_;
  YAML::Mark mark_ = node_.Mark();
  std::string key_;  // "resources.gpus"; empty for the document
  std::string file_;
};

// Templates and configurations are small; larger input is refused.
inline constexpr std::size_t kMaxYamlBytes = 256U << 10U;

// The one document of `text`; an empty one is an empty mapping. `file` is for messages.
Result<Value> parse_yaml(std::string_view text, const std::string& file);

// Assigns what `result` holds, or passes its error on: for setters.
template <class T, class U>
Result<void> assign(U& target, Result<T> result) {
  if (!result) {
    return tl::make_unexpected(std::move(result.error()));
  }
  target = std::move(*result);
  return {};
}

}  // namespace rdev::templates
