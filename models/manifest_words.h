// The closed lists of words of model.toml that no enumeration of the public headers has, in the order of what they stand
// for. Private to this room.
#pragma once

#include <array>
#include <string_view>

#include "models/manifest.h"

namespace framemill::models {

inline constexpr std::array<std::string_view, 2> kCarries = {"latents", "frames"};
inline constexpr std::array<std::string_view, 2> kCarryDtypes = {"f32", "f16"};
inline constexpr std::array<std::string_view, 2> kColourSpaces = {"srgb", "lin_rec709"};
inline constexpr std::array<std::string_view, 2> kConditionings = {"vocabulary", "text"};
inline constexpr std::array<std::string_view, 1> kBackends = {"builtin"};  // format 1
inline constexpr std::array<std::string_view, 4> kRoleWords1 = {"weights", "vocabulary", "licence", "other"};
inline constexpr std::array kRoles1 = {FileRole::Weights, FileRole::Vocabulary, FileRole::Licence, FileRole::Other};
inline constexpr std::array<std::string_view, 3> kRoleWords2 = {"component", "licence", "other"};
inline constexpr std::array kRoles2 = {FileRole::Component, FileRole::Licence, FileRole::Other};

}  // namespace framemill::models
