"""The style sheet: plain Qt classes, and the property `role` for what stands out. $names are fields of theme.Colors."""

from string import Template

STYLE = Template("""
* { outline: none; }
QWidget { color: $text; font-size: 13px; }
QMainWindow, QDialog, QWidget[role="page"] { background: $window; }
QWidget[role="panel"] { background: $panel; }
QWidget[role="rail"] { background: $rail; }
QFrame[role="rule"] { background: $line; border: none; }
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 5px 7px; }

QLabel { background: transparent; }
QLabel[role="title"] { font-size: 16px; font-weight: 600; }
QLabel[role="subtitle"] { font-size: 14px; font-weight: 600; }
QLabel[role="hero"] { font-size: 26px; font-weight: 600; }
QLabel[role="section"] { font-size: 12px; color: $dim; }
QLabel[role="value"] { font-size: 12px; }
QLabel[role="hint"] { font-size: 11px; color: $dim; }
QLabel[role="warning"] { font-size: 11px; color: $warning; }
QLabel[role="problem"] { font-size: 11px; color: $danger; }
QLabel[role="overlay"] { font-size: 12px; color: $dim; }
QLabel:disabled { color: $dim; }

QLineEdit, QPlainTextEdit, QSpinBox, QComboBox {
  background: $field; border: 1px solid $line; border-radius: 6px; padding: 0 9px; min-height: 28px;
  selection-background-color: $accent; selection-color: $on_accent;
}
QPlainTextEdit { padding: 5px 5px; border-radius: 8px; min-height: 0; }
QLineEdit:hover, QPlainTextEdit:hover, QSpinBox:hover, QComboBox:hover { border-color: $dim; }
QLineEdit:focus, QPlainTextEdit:focus, QSpinBox:focus, QComboBox:focus, QComboBox:on { border-color: $accent; }
QLineEdit:disabled, QPlainTextEdit:disabled, QSpinBox:disabled, QComboBox:disabled {
  background: $panel; color: $dim; border: 1px dashed $line;
}
QLineEdit[invalid="true"] { border-color: $danger; }
QLineEdit[role="value"] {
  background: transparent; border: 1px solid transparent; border-radius: 4px; padding: 0 3px;
  min-height: 18px; font-size: 12px;
}
QLineEdit[role="value"]:hover, QLineEdit[role="value"]:focus { background: $field; border-color: $line; }
QLineEdit[role="value"]:focus { border-color: $accent; }
QComboBox QLineEdit, QComboBox QLineEdit:hover, QComboBox QLineEdit:focus {
  border: none; background: transparent; padding: 0; min-height: 0;
}
QSpinBox { padding: 0 0 0 9px; }
QSpinBox QLineEdit, QSpinBox QLineEdit:hover, QSpinBox QLineEdit:focus {
  border: none; background: transparent; padding: 0; min-height: 0;
}
QSpinBox::up-button, QSpinBox::down-button { width: 18px; border: none; background: transparent; }
QSpinBox::up-button:hover, QSpinBox::down-button:hover { background: $raised; border-radius: 3px; }
QSpinBox::up-arrow { image: url($icons/up.svg); width: 9px; height: 9px; }
QSpinBox::down-arrow { image: url($icons/down.svg); width: 9px; height: 9px; }
QComboBox::drop-down { border: none; width: 26px; }
QComboBox::down-arrow { image: url($icons/down.svg); width: 11px; height: 11px; }
QComboBox QAbstractItemView {
  background: $panel; border: 1px solid $line; border-radius: 6px; padding: 4px; selection-background-color: $selected;
  selection-color: $text;
}
QComboBox QAbstractItemView::item { min-height: 28px; padding: 0 6px; border-radius: 4px; }

QPushButton {
  background: $field; border: 1px solid $line; border-radius: 8px; padding: 0 12px; min-height: 30px; font-size: 12px;
  font-weight: 500;
}
QPushButton:hover { background: $raised; border-color: $dim; }
QPushButton:pressed { background: $selected; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $dim; background: $panel; border-color: $line; }
QPushButton[role="primary"] {
  background: $accent; color: $on_accent; border: 2px solid $accent; min-height: 40px; font-size: 15px;
  font-weight: 700;
}
QPushButton[role="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[role="primary"]:focus { border-color: $text; }
QPushButton[role="primary"]:disabled { background: $raised; color: $dim; border-color: $line; }
QPushButton[role="accent"] { background: $accent; color: $on_accent; border: 1px solid $accent; font-weight: 600; }
QPushButton[role="accent"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[role="accent"]:focus { border-color: $text; }
QPushButton[role="accent"]:disabled { background: $raised; color: $dim; border-color: $line; }
QPushButton[role="success"] {
  background: $success; color: $on_success; border: 2px solid $success; min-height: 36px; font-size: 14px;
  font-weight: 700;
}
QPushButton[role="success"]:hover { background: $success_hover; border-color: $success_hover; }
QPushButton[role="success"]:focus { border-color: $text; }
QPushButton[role="success"]:disabled { background: $raised; color: $dim; border-color: $line; }
QPushButton[role="danger"] {
  background: $danger_panel; color: $danger; border: 2px solid $danger; min-height: 40px; font-size: 15px;
  font-weight: 700;
}
QPushButton[role="danger"]:hover { background: $danger; color: $on_accent; }
QPushButton[role="danger"]:focus { border-color: $text; }
QPushButton[role="segment"] {
  background: $field; color: $dim; border: 1px solid $line; border-radius: 6px; min-height: 26px; padding: 0 8px;
}
QPushButton[role="segment"]:hover { color: $text; border-color: $dim; }
QPushButton[role="segment"]:checked { background: $selected; color: $text; }
QPushButton[role="segment"]:disabled { background: transparent; color: $dim; border-style: dotted; }
QPushButton[role="segment"]:focus { border-color: $accent; }
QPushButton[role="link"] { background: transparent; border: none; color: $accent; padding: 0; min-height: 20px; }
QPushButton[role="link"]:hover { color: $accent_hover; text-decoration: underline; }
QPushButton[role="link"]:focus { text-decoration: underline; }

QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 4px; }
QToolButton:hover { background: $raised; }
QToolButton:checked { background: $selected; }
QToolButton:focus { border-color: $accent; }
QToolButton[role="tool"] { background: $field; border-color: $line; color: $dim; font-size: 12px; min-height: 18px; }
QToolButton[role="small"] { border-color: $line; color: $dim; font-size: 10px; padding: 0 5px; }
QToolButton[role="small"]:checked { background: $selected; color: $text; }
QToolButton[role="tool"]:hover { color: $text; border-color: $dim; }
QToolButton[role="tool"]:checked { background: $selected; color: $text; }
QToolButton[role="tool"]:focus { border-color: $accent; }
QToolButton[role="fold"] { color: $dim; font-size: 13px; padding: 4px 2px; text-align: left; }
QToolButton[role="fold"]:hover, QToolButton[role="fold"]:checked { color: $text; background: transparent; }
QToolButton[role="rail"] {
  color: $dim; border: none; border-radius: 8px; font-size: 10px; padding: 7px 0 5px 0;
}
QToolButton[role="rail"]:hover { background: $panel; }
QToolButton[role="rail"]:checked { color: $text; background: $raised; }
QToolButton[role="rail"]:focus { border: 1px solid $accent; }

QCheckBox { spacing: 8px; background: transparent; }
QCheckBox::indicator { width: 16px; height: 16px; border: 1px solid $line; border-radius: 4px; background: $field; }
QCheckBox::indicator:hover { border-color: $dim; }
QCheckBox:focus::indicator { border-color: $accent; }
QCheckBox::indicator:checked { background: $accent; border-color: $accent; image: url($icons/check.svg); }

QProgressBar { background: $track; border: none; border-radius: 3px; min-height: 6px; max-height: 6px; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }

QDialog { border: 1px solid $line; }
QFrame[role="card"] { background: $panel; border: 1px solid $line; border-radius: 8px; }
QFrame[role="popup"] { background: $panel; border: 1px solid $line; border-radius: 8px; }
QFrame[role="popup"] QListWidget { background: transparent; border: none; }
QFrame[role="error"] { background: $danger_panel; border: 1px solid $danger; border-radius: 8px; }
QFrame[role="notice"] { background: $notice_panel; border: 1px solid $accent; border-radius: 8px; }
QFrame[role="error"] QLabel, QFrame[role="notice"] QLabel { font-size: 12px; }
QPlainTextEdit[role="details"] { font-family: "DejaVu Sans Mono", monospace; font-size: 11px; }
QPushButton[role="starter"] {
  background: $panel; border: 1px solid $line; border-radius: 10px; text-align: left; padding: 12px 18px;
  font-size: 14px; min-height: 48px;
}
QPushButton[role="starter"]:hover { border-color: $accent; background: $raised; }
QPushButton[role="starter"]:focus { border-color: $accent; }

QScrollArea, QScrollArea > QWidget > QWidget[role="column"] { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 9px; margin: 1px; }
QScrollBar:horizontal { background: transparent; height: 9px; margin: 1px; }
QScrollBar::handle { background: $line; border-radius: 3px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: $dim; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QMenu { background: $panel; border: 1px solid $line; border-radius: 6px; padding: 4px; }
QMenu::item { padding: 6px 22px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: $selected; }
QMenu::item:disabled { color: $dim; }
QMenu::separator { height: 1px; background: $line; margin: 4px 6px; }
QSplitter::handle { background: $line; }
QTextBrowser { background: $field; border: 1px solid $line; border-radius: 8px; padding: 8px; }
""")

ARROW = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 12 12">
<path d="{path}" fill="none" stroke="{color}" stroke-width="1.6"/></svg>"""
ICONS = {"up": "M2 8 L6 4 L10 8", "down": "M2 4 L6 8 L10 4", "check": "M2.5 6.5 L5 9 L9.5 3.5"}
"""Small marks inside controls, which style sheets can only take from files: drawn once into a temporary folder."""
