#pragma once

#include <yaml-cpp/mark.h>

#include <optional>
#include <string>

namespace rdev::templates {

// Where something stands behind the first document of `text`; nullopt when nothing does. yaml-cpp
// throws YAML::Exception as it parses. (Its LoadAll never returns for some texts, "," among them,
// and its Load ignores what it stopped at.)
std::optional<YAML::Mark> second_document(const std::string& text);

}  // namespace rdev::templates
