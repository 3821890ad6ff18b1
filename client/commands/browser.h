#pragma once

#include <string>

#include "protocol/base/result.h"

namespace rdev::commands {

// Opens an http(s) URL in the user's browser: $BROWSER, else xdg-open, wslview or open. It does not
// wait for its end. Code::kNotFound when none of these is there.
Result<void> open_in_browser(const std::string& url);

}  // namespace rdev::commands
