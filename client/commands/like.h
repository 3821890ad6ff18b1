#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "client/commands/job_plan.h"

namespace rdev::commands {

// The options of `rdev up` as the history keeps them: what was not given is not there. NAME,
// --preview, --json and --like are no part of them.
boost::json::object options_json(const UpOptions& options);
UpOptions options_from_json(const boost::json::object& object);

// Sets --NAME as the command line would. Code::kUsage when it takes no such value.
Result<void> set_option(UpOptions& options, std::string_view name,
                        const std::vector<std::string>& values);

// `given` over what was given then: an option that is given now replaces it whole, also a list.
UpOptions over(UpOptions then, const UpOptions& given);

// As they would be written in a command line, for people.
std::string options_text(const boost::json::object& options);

}  // namespace rdev::commands
