#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rdev::templates {

// Pointers into JSON values (RFC 6901): "/taskRoles/a~1b/commands/0".

// `pointer` with one more step.
std::string pointer_to(std::string_view pointer, std::string_view key);
std::string pointer_to(std::string_view pointer, std::size_t index);

std::vector<std::string> pointer_steps(std::string_view pointer);

// As people read it: "taskRoles.a/b.commands[0]". Empty for the whole value.
std::string pointer_text(std::string_view pointer);

}  // namespace rdev::templates
