"""The shaders of the shape view (GLSL 1.20). Colours are linear until the last line of each fragment shader."""

BACKDROP_VERTEX = """
attribute vec2 a_corner;
varying vec2 v_at;
void main() {
    v_at = a_corner;
    gl_Position = vec4(a_corner, 0.9999, 1.0);
}
"""

BACKDROP_FRAGMENT = """
uniform vec3 u_inner;
uniform vec3 u_outer;
uniform vec2 u_size;
varying vec2 v_at;
void main() {
    vec2 from = (v_at - vec2(0.0, 0.16)) * u_size / max(u_size.x, u_size.y) / 1.24;
    float away = clamp(length(from), 0.0, 1.0);
    float grain = fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453) - 0.5;
    gl_FragColor = vec4(mix(u_inner, u_outer, away) + grain / 255.0, 1.0);
}
"""

MESH_VERTEX = """
attribute vec3 a_position;
attribute vec3 a_normal;
attribute vec2 a_shift;
uniform mat4 u_view;
uniform mat4 u_projection;
varying vec3 v_world_normal;
varying vec3 v_normal;
varying vec3 v_eye;
varying float v_height;
varying vec2 v_shift;
void main() {
    v_shift = a_shift;
    vec4 at = u_view * vec4(a_position, 1.0);
    v_world_normal = a_normal;
    v_normal = (u_view * vec4(a_normal, 0.0)).xyz;
    v_eye = -at.xyz;
    v_height = a_position.y;
    gl_Position = u_projection * at;
}
"""

MESH_FRAGMENT = """
uniform int u_mode;
uniform vec3 u_material;
uniform vec3 u_flat;
uniform float u_ground;
varying vec3 v_world_normal;
varying vec3 v_normal;
varying vec3 v_eye;
varying float v_height;
varying vec2 v_shift;

vec3 material() {
    if (u_mode != 3) { return u_material; }
    vec3 plain = mix(vec3(0.58, 0.58, 0.55), vec3(0.03, 0.50, 0.22), v_shift.x);
    return mix(plain, vec3(0.90, 0.22, 0.03), v_shift.y);
}

vec3 shaded(vec3 n, vec3 world, vec3 eye) {
    vec3 key = normalize(vec3(-0.45, 0.80, 0.62));
    vec3 fill = normalize(vec3(0.85, 0.15, 0.45));
    float lit = max(dot(n, key), 0.0);
    vec3 sky = mix(vec3(0.16, 0.13, 0.12), vec3(0.42, 0.46, 0.54), 0.5 + 0.5 * world.y);
    vec3 lamps = 1.02 * lit * vec3(1.0, 0.96, 0.90) + 0.24 * max(dot(n, fill), 0.0) * vec3(0.70, 0.82, 1.0);
    vec3 light = 0.62 * sky + lamps;
    float nearby = mix(0.78, 1.0, smoothstep(0.0, 0.22, v_height - u_ground));
    float gloss = pow(max(dot(n, normalize(key + eye)), 0.0), 46.0);
    float rim = pow(1.0 - clamp(dot(n, eye), 0.0, 1.0), 3.5);
    return material() * light * nearby + 0.16 * gloss * vec3(1.0, 0.97, 0.92) + 0.09 * rim * vec3(0.8, 0.88, 1.0);
}

void main() {
    vec3 eye = normalize(v_eye);
    vec3 n = normalize(v_normal);
    vec3 world = normalize(v_world_normal);
    if (!gl_FrontFacing) { n = -n; world = -world; }
    if (u_mode == 1) {
        gl_FragColor = vec4(0.5 + 0.5 * world, 1.0);
    } else if (u_mode == 2) {
        gl_FragColor = vec4(u_flat, 1.0);
    } else {
        vec3 color = shaded(n, world, eye);
        if (!gl_FrontFacing) { color *= 0.45; }
        gl_FragColor = vec4(pow(clamp(color, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
    }
}
"""

LINE_FRAGMENT = """
uniform vec3 u_color;
varying vec3 v_normal;
varying vec3 v_eye;
void main() {
    float facing = abs(dot(normalize(v_normal), normalize(v_eye)));
    gl_FragColor = vec4(u_color, 0.35 + 0.5 * facing);
}
"""

GROUND_VERTEX = """
attribute vec2 a_corner;
uniform mat4 u_view;
uniform mat4 u_projection;
uniform float u_ground;
uniform float u_extent;
varying vec2 v_at;
void main() {
    v_at = a_corner * u_extent;
    gl_Position = u_projection * u_view * vec4(v_at.x, u_ground, v_at.y, 1.0);
}
"""

GROUND_FRAGMENT = """
uniform vec3 u_color;
uniform float u_extent;
uniform float u_shade;
uniform float u_pen;
uniform sampler2D u_shadow;
varying vec2 v_at;
void main() {
    vec2 cell = v_at * 8.0;
    vec2 off = abs(fract(cell - 0.5) - 0.5) / max(fwidth(cell) * u_pen, 1e-5);
    float line = (1.0 - clamp(min(off.x, off.y), 0.0, 1.0)) * 0.8;
    float fade = 1.0 - smoothstep(0.25, 1.0, length(v_at) / u_extent);
    float shadow = texture2D(u_shadow, v_at * 0.5 / 0.8 + 0.5).r * u_shade;
    float grid = line * fade * (1.0 - shadow);
    float alpha = grid + shadow - grid * shadow;
    gl_FragColor = vec4(u_color * grid / max(alpha, 1e-4), alpha);
}
"""

SHRINK_VERTEX = """
attribute vec2 a_corner;
varying vec2 v_at;
void main() {
    v_at = a_corner * 0.5 + 0.5;
    gl_Position = vec4(a_corner, 0.0, 1.0);
}
"""

SHRINK_FRAGMENT = """
uniform sampler2D u_picture;
varying vec2 v_at;
void main() {
    gl_FragColor = vec4(texture2D(u_picture, v_at).rgb, 1.0);
}
"""
