"""Which words can be Vietnamese, and which of them are everyday words in reports: the judge behind `legacy`.

It holds the sound rules of the written syllable and a list of frequent words, and must not decode or change any text.
The surprising fact: nine of ten syllables cannot be Vietnamese any more once they are spelled in TCVN3, so the rules
alone settle most cases and frequency is needed for the rest only.
"""

import unicodedata
from functools import lru_cache

_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0303\u0309\u0323"))
_ACUTE_OR_DOT = frozenset("\u0301\u0323")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ONSETS = _words("b c ch d đ g gh gi h k kh l m n ng ngh nh p ph q qu r s t th tr v x")
_BEFORE_FRONT_VOWEL_ONLY = frozenset(["gh", "k", "ngh"])
_NEVER_BEFORE_FRONT_VOWEL = frozenset(["c", "ng"])
_FRONT_VOWELS = frozenset("eêiy")
#: Rimes without a stop at the end take every tone, those with one only acute (sắc) and dot below (nặng).
_OPEN_RIMES = _words(
    """
    a ai ao au ay âu ây e eo ê êu i ia iu iêu o oi oa oai oay oao oe oeo ô ôi ơ ơi u ua ui uê uơ uôi uy uya uyu uây
    ư ưa ưi ưu ươi ươu y yêu am an ang anh ăm ăn ăng âm ân âng em en eng êm ên ênh im in inh iêm iên iêng om on ong
    oong ôm ôn ông ơm ơn um un ung uôm uôn uông ưm ưn ưng ươm ươn ương oam oan oang oanh oăm oăn oăng oen uân uâng
    uên uênh uyn uynh uyên yên yêm yêng
    """
)
_STOPPED_RIMES = _words(
    """
    ac ach ap at ăc ăp ăt âc âp ât ec ep et êch êp êt ich ip it iêc iêp iêt oc ooc op ot ôc ôp ôt ơp ơt uc up ut uôc
    uôt ưc ưt ươc ươp ươt oac oach oat oăc oăt oet uât uêch uych uyp uyt uyêt yêt
    """
)
_FREQUENT = _words(
    """
    ông bà bắc ninh giang nội hà tỉnh thành thị xã phường huyện quận thôn phố đường số khu công nghiệp cụm ty cổ phần
    hữu hạn một viên hai liên doanh vốn đầu tư nước ngoài việt nam hàn quốc nhật bản trung đài loan mỹ đức pháp quế võ
    yên phong tiên sơn thuận đại đồng hoàn gia bình lương tài từ đình trám vân song khê hoàng quang châu hòa phú hoà
    hạp lĩnh dự án giấy chứng nhận đăng ký quyết định báo cáo tình hình thực hiện quý năm tháng ngày kỳ đến tổng cộng
    trong đó lũy kế luỹ khi cấp điều chỉnh giá trị đơn vị tính chỉ tiêu mã nhiệm vụ thu xuất khẩu nhập kim ngạch nộp
    ngân sách nhà thuế lao động người địa nữ bảo hiểm hội diện tích đất cho thuê sử dụng hạ tầng kỹ thuật xây dựng máy
    xưởng kho bãi cây xanh thải xử lý môi trường khí rắn nguy hại chất lượng thụ điện năng tái tạo sạch tiết kiệm than
    dầu xăng nguyên liệu vật sản phẩm hàng hóa hoá dịch kinh tế chính toán tiền tỷ triệu nghìn vay góp tự có ngắn dài
    lợi nhuận sau trước giám đốc phó trưởng phòng ban quản các cơ quan sở bộ ủy uỷ nhân dân chủ tịch văn chi nhánh trụ
    điểm thoại họ tên và chức danh lập biểu đóng dấu xác kính gửi căn cứ theo quy luật nghị thông về việc của đã được
    không chưa còn phải là ở tại với để bằng những này mới cũ khác ghi chú đạt vượt tăng giảm cao thấp nhất lớn nhỏ
    vừa hơn trên dưới khoảng tối thiểu đa mức độ lệ trăm so cùng hoạt chế biến lắp ráp linh kiện tử dệt may bao bì
    nhựa thép gỗ dược chăn nuôi thủy thuỷ nông lâm ngành nghề vực mục loại hỗ trợ phát triển bền vững đổi đề kiến khó
    khăn vướng mắc nguyễn trần lê phạm huỳnh phan vũ đặng bùi đỗ hồ ngô dương đào đinh trịnh mai minh tuấn hùng dũng
    hương hoa hồng lan thảo hạnh hằng thúy thuý tú tuyết trang cường quân thắng tiến hải anh nghĩa kiên phúc lộc thọ
    an khang long á đông tây thịnh tân mạnh thế giới hưng hợp lực trắc trạm giờ chuẩn nồng lưu nhiệt kết quả phương
    thời gian bắt thúc lần thứ sáu mười cuối nửa đêm hết chấm dứt hồi ngừng tạm chậm khởi bàn giao mặt giải phóng bồi
    tốt khá yếu đủ thiếu đúng sai hài lòng ý tham khảo sát câu hỏi trả lời phiếu rất thường trọng ô nhiễm ổ dùng vô lô
    môn phân thái vùng phí chì nâng tâm trí thêm phép gián khoáng mùa cán móc mô chí hè toàn thoát soát bụi cốc nitơ
    đioxit
    """
)

#: What a word is worth as evidence: an everyday word, a word that obeys the spelling rules, anything else.
FREQUENT, POSSIBLE, IMPOSSIBLE = 3, 1, 0


@lru_cache(maxsize=20_000)
def weigh_word(word: str) -> int:
    """How Vietnamese one word of letters is: FREQUENT, POSSIBLE or IMPOSSIBLE (also for `vÓ`: capitals in mid-word)."""
    word = unicodedata.normalize("NFC", word)
    if not (word.isupper() or word[1:].islower() or len(word) == 1):
        return IMPOSSIBLE
    word = word.lower()
    if word in _FREQUENT:
        return FREQUENT
    return POSSIBLE if _is_syllable(word) else IMPOSSIBLE


def resembles_syllable(word: str) -> bool:
    """Whether a word would be possible with another tone: the typing error `thưc` for `thực`."""
    return _is_syllable(word.lower(), any_tone=True)


def _is_syllable(word: str, any_tone: bool = False) -> bool:
    parts = unicodedata.normalize("NFD", word)
    tones = [mark for mark in parts if ord(mark) in _TONES]
    if len(tones) > 1 or "ñ" in word:
        return False
    bare = unicodedata.normalize("NFC", parts.translate(_TONES))
    rimes = [(onset, bare.removeprefix(onset)) for onset in ("", *_ONSETS) if bare.startswith(onset)]
    return any(_fits(onset, rime) and (any_tone or _takes_tone(rime, tones)) for onset, rime in rimes)


def _fits(onset: str, rime: str) -> bool:
    """Whether the rime exists and may follow the onset: k, gh, ngh stand before e, ê, i, y, where c, ng do not."""
    if onset == "gi" and rime.startswith("ê"):
        rime = f"i{rime}"  # giếng
    if onset == "q" and not rime.startswith("uy"):  # quỳnh, quýt; all else is qu and a rime
        return False
    if onset in _BEFORE_FRONT_VOWEL_ONLY and rime[:1] not in _FRONT_VOWELS:
        return False
    if onset in _NEVER_BEFORE_FRONT_VOWEL and rime[:1] in _FRONT_VOWELS:
        return False
    return rime in _OPEN_RIMES or rime in _STOPPED_RIMES


def _takes_tone(rime: str, tones: list[str]) -> bool:
    return rime not in _STOPPED_RIMES or (bool(tones) and tones[0] in _ACUTE_OR_DOT)
